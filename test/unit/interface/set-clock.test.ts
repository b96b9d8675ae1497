import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Stream } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { TypedEventEmitter } from 'main-event'
import { describe, expect, it } from 'vitest'
import { memoryDatabase } from '../../../src/db/memory-database.js'
import { publisher } from '../../../src/gossip/publisher.js'
import {
  type Candidate,
  ChainUnavailableError,
  JobStatus,
  type Result
} from '../../../src/interface/index.js'
import { announcer } from '../../../src/job/announcer.js'
import { finality } from '../../../src/job/finality.js'
import { intake } from '../../../src/job/intake.js'
import { openWatch } from '../../../src/job/open-watch.js'
import { claimGate } from '../../../src/lease/claim-gate.js'
import { reranking } from '../../../src/lease/reranking.js'
import { type DialerComponents, dialer } from '../../../src/network/dialer.js'
import { connectionGate } from '../../../src/network/gate.js'
import { dialerLimits } from '../../../src/network/limits.js'
import { peerGuard } from '../../../src/network/peer-guard.js'
import { submitter } from '../../../src/submit/submitter.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { silentLogger } from '../../helpers/silent-logger.js'
import { memoryChain, testNetwork, testTiming } from '../../helpers/worker-cluster.js'

const HOUR_MS = 3_600_000
const logger = silentLogger()

/** One job of a chain in memory. */
function oneJob() {
  const clock = manualClock()
  const chain = memoryChain(clock)
  const [job] = chain.create(1)
  if (job === undefined) throw new Error('no job')
  return { clock, chain, job }
}

describe('a machine whose clock is set back by an hour', () => {
  it('behavior: a job that the chain did not show is looked for again in time', async () => {
    const { clock, chain, job } = oneJob()
    const opened: bigint[] = []
    let isShown = false
    const jobs = intake({
      network: testNetwork,
      has: () => false,
      onOpen: ({ jobId }) => opened.push(jobId)
    })({
      chain: {
        verifyJobs: async references =>
          isShown ? chain.verifyJobs(references) : references.map(() => ({ kind: 'missing', reason: '' }))
      },
      clock,
      logger,
      emit() {}
    })
    jobs.announce([job])
    await clock.advance(1)
    clock.step(-HOUR_MS)
    isShown = true
    await clock.advance(1_000)
    expect(opened).toEqual([job.jobId])
    jobs.stop()
  })

  it('behavior: a job that was final is taken in again when it is announced for long', async () => {
    const { clock, chain, job } = oneJob()
    const opened: bigint[] = []
    const jobs = intake({
      network: testNetwork,
      has: () => false,
      onOpen: ({ jobId }) => opened.push(jobId)
    })({
      chain,
      clock,
      logger,
      emit() {}
    })
    jobs.close(job.key)
    clock.step(-HOUR_MS)
    await clock.advance(20_000)
    jobs.announce([job])
    await clock.advance(1)
    expect(opened).toEqual([job.jobId])
    jobs.stop()
  })

  it('behavior: a sequencer announces on', async () => {
    const { clock, job } = oneJob()
    let announced = 0
    const announcements = announcer()({
      gossip: {
        async publishJobs() {
          announced++
        }
      },
      clock,
      logger,
      emit() {}
    })
    announcements.add([job])
    announcements.restart()
    await clock.advance(1_000)
    const before = announced
    clock.step(-HOUR_MS)
    await clock.advance(2_000)
    expect(announced).toBeGreaterThan(before)
    const restarted = announced
    announcements.restart()
    await clock.advance(5_000)
    expect(announced).toBeGreaterThan(restarted)
    announcements.stop()
  })

  it('behavior: news of a final job that the endpoint did not show yet is checked again', async () => {
    const { clock, chain, job } = oneJob()
    const final: string[] = []
    const checks = finality({ onFinal: key => final.push(key) })({ chain, clock, logger })
    checks.check([{ job: job.key, jobId: job.jobId }])
    await clock.advance(1)
    clock.step(-HOUR_MS)
    chain.finalisedBy.set(job.jobId, 'another')
    await clock.advance(1_000)
    expect(final).toEqual([job.key])
    checks.stop()
  })

  it('behavior: open jobs are looked at', async () => {
    const { clock, job } = oneJob()
    const final: string[] = []
    const checkedMs = clock.steadyMs()
    const watch = openWatch({
      open: () => [{ candidate: { reference: job }, checkedMs }],
      onOpen() {},
      onFinal: key => final.push(key),
      onGone() {}
    })({
      chain: { jobStatuses: async ids => ids.map(() => JobStatus.Succeeded), verifyJobs: async () => [] },
      clock,
      logger
    })
    watch.start()
    clock.step(-HOUR_MS)
    await clock.advance(45_000)
    expect(final).toContain(job.key)
    watch.stop()
  })

  it('behavior: jobs are ranked anew when workers come and go', async () => {
    const { clock, job } = oneJob()
    const ranked: Candidate[] = []
    const candidate: Candidate = { reference: job, model: undefined, deadlineMs: 0 }
    const ranks = reranking({
      leastIntervalMs: 1_000,
      candidates: () => [candidate],
      rank: one => ranked.push(one),
      onRanked() {}
    })({ clock })
    ranks.all()
    await clock.advance(1)
    clock.step(-HOUR_MS)
    ranks.all()
    await clock.advance(1_000)
    expect(ranked).toHaveLength(2)
    ranks.stop()
  })

  it('behavior: a worker without peers goes on alone', async () => {
    const { clock } = oneJob()
    let hasListened = false
    const gate = claimGate({
      timing: testTiming,
      onListened() {
        hasListened = true
      },
      onChange() {}
    })({ database: {}, own: { quietUntilMs: () => 0 }, hasPeers: () => false, clock })
    gate.start()
    await clock.advance(100)
    clock.step(-HOUR_MS)
    await clock.advance(5 * testTiming.presenceIntervalMs)
    expect(hasListened).toBe(true)
    gate.stop()
  })

  it('behavior: what gathers is sent', async () => {
    const { clock } = oneJob()
    const sent: number[] = []
    const rate = { perSecond: 1_000, burst: 1_000 }
    const out = publisher<number>({
      batchItems: 10,
      queueItems: 10,
      messages: rate,
      items: rate,
      gatherMs: () => 100
    })({
      clock,
      async send(items) {
        sent.push(...items)
      }
    })
    const published = out.publish([1])
    await clock.advance(50)
    clock.step(-HOUR_MS)
    await clock.advance(100)
    expect(sent).toEqual([1])
    await published
  })

  it('behavior: a peer that was lost is dialled again', async () => {
    const { clock } = oneJob()
    const [self, peer] = await Promise.all(
      [0, 1].map(async () => peerIdFromPrivateKey(await generateKeyPair('Ed25519')))
    )
    const addresses = [{ multiaddr: multiaddr('/ip4/127.0.0.1/tcp/1'), isCertified: false }]
    let dials = 0
    const dialling = dialer({ ...dialerLimits, dialTimeoutMs: 1_000 })({
      libp2p: {
        peerId: self,
        peerStore: { all: async () => [{ id: peer, addresses }] },
        getPeers: () => [],
        addEventListener() {},
        removeEventListener() {},
        async dial() {
          dials++
          throw new Error('nobody answers')
        }
      } as unknown as DialerComponents['libp2p'],
      clock,
      logger,
      random: () => 0.5
    })
    await dialling.start()
    await clock.advance(1)
    expect(dials).toBe(1)
    clock.step(-HOUR_MS)
    await clock.advance(1_000)
    expect(dials).toBe(2)
    await dialling.stop()
  })

  it('behavior: what peers send is read on', async () => {
    const { clock } = oneJob()
    const peer = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
    const guard = peerGuard({ graylistScore: -80 })({
      libp2p: { getConnections: () => [], getPeers: () => [] },
      gate: connectionGate(),
      scoreOf: () => 0,
      clock,
      logger
    })
    const events = new TypedEventEmitter<{ message: Event & { data: Uint8Array } }>()
    const stream = Object.assign(events, {
      readStatus: 'readable',
      pause() {
        stream.readStatus = 'paused'
      },
      resume() {
        stream.readStatus = 'readable'
      }
    })
    guard.watch(stream as unknown as Stream, peer)
    const hear = (): boolean =>
      events.dispatchEvent(Object.assign(new Event('message'), { data: Uint8Array.of(0) }))
    hear()
    clock.step(-HOUR_MS)
    hear()
    expect(stream.readStatus).toBe('readable')
  })

  it('behavior: a result that could not be sent is sent when the chain is back', async () => {
    const { clock, job } = oneJob()
    let isDown = true
    let sent = 0
    const state = async () => {
      if (isDown) throw new ChainUnavailableError('down')
      return {
        gasPrice: { baseFee: 1n, priorityFee: 1n, gasPrice: 1n },
        balance: 10n ** 20n,
        nonces: { latest: 0, pending: 0 }
      }
    }
    const submitting = submitter({})({
      database: memoryDatabase(),
      chain: {
        chainId: 1,
        oracle: '0x01',
        encode: () => '0x',
        simulate: async () => ({
          ...(await state()),
          outcome: { kind: 'statuses', statuses: [0] },
          gas: 100_000n
        }),
        accountState: state,
        async broadcast() {
          sent++
          return { kind: 'sent' }
        },
        view: async () => ({
          head: { number: 1, hash: '0x01' },
          latestNonce: 0,
          mined: new Map(),
          blockHashes: new Map()
        }),
        isKnown: async hashes => hashes.map(() => true)
      },
      account: { address: '0x02', sign: async () => ({ raw: '0x03', hash: '0x04' }) },
      clock,
      emit() {},
      handlers: { onOutcome() {} },
      log: logger
    })
    const { key, jobId, requestHash } = job
    const outcome: Result['outcome'] = { success: false, code: 1, reason: 'no', receipt: undefined }
    await submitting.start()
    submitting.enqueue({ job: key, jobId, requestHash, outcome, startedAtMs: 0, finishedAtMs: 0 })
    await clock.advance(3_000)
    clock.step(-HOUR_MS)
    isDown = false
    await clock.advance(31_000)
    expect(sent).toBe(1)
    await submitting.stop()
  })
})
