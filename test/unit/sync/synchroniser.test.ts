import { expect, it } from 'vitest'
import { delay } from '../../../src/interface/abort.js'
import type { SyncTransport } from '../../../src/interface/index.js'
import { jobIndex, responder, syncLimits } from '../../../src/sync/index.js'
import { SyncResponse } from '../../../src/sync/messages.js'
import { synchroniser } from '../../../src/sync/synchroniser.js'
import { syncPeerLimits } from '../../../src/sync-limits.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { silentLogger } from '../../helpers/silent-logger.js'

interface Made {
  peers: string[]
  /** After which a peer answers each request. */
  answerMs: number
  /** What it answers, beside that it knows the same jobs. */
  answer(peer: string): Partial<SyncResponse>
  /** From 0 to below 1. */
  random(): number
}

/** A node that asks peers. */
async function make({ peers, answerMs, answer, random }: Made) {
  const clock = manualClock()
  const jobs = jobIndex()
  const asked: string[] = []
  const begunMs: number[] = []
  const endedMs: number[] = []
  const transport: SyncTransport = {
    peers: () => peers,
    async open(peer, signal) {
      asked.push(peer)
      begunMs.push(clock.now())
      return {
        async ask() {
          await delay(clock, answerMs, signal)
          return SyncResponse.encode({ digest: jobs.digest(), ...answer(peer) })
        },
        async close() {
          endedMs.push(clock.now())
        }
      }
    },
    serve() {},
    unserve() {},
    onConnect: () => () => {}
  }
  const codec = { decode: () => [], encode: () => new Uint8Array(), batchItems: 1 }
  const service = synchroniser()({
    jobs,
    codec,
    sink: { onJobs() {}, onClosed() {}, async onEnvelope() {}, async onProof() {} },
    transport,
    responder: responder({
      source: { jobs, leases: () => [], presences: () => [], proofs: () => [] },
      codec,
      limits: syncPeerLimits({ clock }),
      clock
    }),
    clock,
    random,
    logger: silentLogger()
  })
  await service.start()
  return { clock, service, asked, begunMs, endedMs }
}

/** A peer whose leases have no end. */
const slow = {
  peers: ['slow'],
  answerMs: 9_000,
  answer: () => ({ envelopes: [Uint8Array.of(1)], more: true }),
  random: () => 0.5
}

it('behavior: a peer that has no end of slow answers is left after two minutes, and another is asked', async () => {
  const { clock, service, begunMs, endedMs } = await make(slow)
  await clock.advance(syncLimits.conversationMs + 5_000)
  expect(begunMs).toHaveLength(2)
  expect((endedMs[0] ?? 0) - (begunMs[0] ?? 0)).toBe(syncLimits.conversationMs)
  await service.stop()
  expect(endedMs).toHaveLength(2)
})

it('behavior: a stop ends a conversation at once', async () => {
  const { clock, service, endedMs } = await make(slow)
  await clock.advance(1_000)
  await service.stop()
  expect(endedMs).toEqual([clock.now()])
})

it('behavior: who joins, and asks one that keeps no leases, asks another soon', async () => {
  let draws = 0
  const { clock, service, asked } = await make({
    peers: ['sequencer', 'worker'],
    answerMs: 10,
    answer: peer => ({ keepsNone: peer === 'sequencer' }),
    // The first to be asked is the first.
    random: () => (draws++ < 2 ? 0 : 0.9)
  })
  await clock.advance(2_000)
  expect(asked).toEqual(['sequencer', 'worker'])
  // Then at the usual time.
  await clock.advance(10_000)
  expect(asked).toHaveLength(2)
  await service.stop()
})
