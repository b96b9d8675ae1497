import { expect, it } from 'vitest'
import { delay } from '../../../src/interface/abort.js'
import type { SyncTransport } from '../../../src/interface/index.js'
import { jobIndex, responder, syncLimits } from '../../../src/sync/index.js'
import { SyncResponse } from '../../../src/sync/messages.js'
import { synchroniser } from '../../../src/sync/synchroniser.js'
import { syncPeerLimits } from '../../../src/sync-limits.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { silentLogger } from '../../helpers/silent-logger.js'

/** A node that asks a peer whose leases have no end, and which answers each request after `answerMs`. */
async function make(answerMs: number) {
  const clock = manualClock()
  const jobs = jobIndex()
  const begunMs: number[] = []
  const endedMs: number[] = []
  const transport: SyncTransport = {
    peers: () => ['slow'],
    async open(_, signal) {
      begunMs.push(clock.now())
      return {
        async ask() {
          await delay(clock, answerMs, signal)
          return SyncResponse.encode({ envelopes: [Uint8Array.of(1)], digest: jobs.digest(), more: true })
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
    random: () => 0.5,
    logger: silentLogger()
  })
  await service.start()
  return { clock, service, begunMs, endedMs }
}

it('behavior: a peer that has no end of slow answers is left after two minutes, and another is asked', async () => {
  const { clock, service, begunMs, endedMs } = await make(9_000)
  await clock.advance(syncLimits.conversationMs + 5_000)
  expect(begunMs).toHaveLength(2)
  expect((endedMs[0] ?? 0) - (begunMs[0] ?? 0)).toBe(syncLimits.conversationMs)
  await service.stop()
  expect(endedMs).toHaveLength(2)
})

it('behavior: a stop ends a conversation at once', async () => {
  const { clock, service, endedMs } = await make(9_000)
  await clock.advance(1_000)
  await service.stop()
  expect(endedMs).toEqual([clock.now()])
})
