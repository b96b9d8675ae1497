import { describe, expect, it } from 'vitest'
import type { JobReference, SyncConversation } from '../../../src/interface/index.js'
import { jobIndex, responder, syncLimits } from '../../../src/sync/index.js'
import { bucketCount, bucketDigestBytes, shortIdBytes, shortIdOf } from '../../../src/sync/job-index.js'
import { SyncRequest, SyncResponse } from '../../../src/sync/messages.js'
import { requestAll } from '../../../src/sync/requester.js'
import { SyncKind } from '../../../src/sync/responder.js'
import { syncPeerLimits } from '../../../src/sync-limits.js'
import { manualClock } from '../../helpers/manual-clock.js'

/** A job whose key begins with one of 256 bytes. */
function jobOf(number: number): JobReference {
  const bytes = Buffer.alloc(32)
  bytes.writeUInt8(number % 256, 0)
  bytes.writeUInt32BE(number, 4)
  const hash = `0x${bytes.toString('hex')}` as const
  return {
    key: bytes.toString('hex'),
    jobId: BigInt(number + 1),
    blockNumber: 1,
    blockHash: hash,
    txHash: hash,
    logIndex: 0,
    dataHash: hash
  }
}

const allBuckets = Uint8Array.from({ length: 256 }, (_, number) => number)

function make(jobCount: number, leases: () => Uint8Array[] = () => [Uint8Array.of(1), Uint8Array.of(2)]) {
  const clock = manualClock()
  const jobs = jobIndex()
  const all = Array.from({ length: jobCount }, (_, number) => jobOf(number))
  for (const job of all) jobs.add(job)
  const counts = { encoded: 0, listed: 0 }
  const respond = responder({
    source: {
      jobs,
      leases() {
        counts.listed++
        return leases()
      },
      presences: () => [],
      proofs: () => []
    },
    codec: {
      batchItems: 256,
      // As long as real ones, with their numbers in them.
      encode(batch) {
        counts.encoded += batch.length
        const bytes = Buffer.alloc(110 * batch.length)
        for (const [at, { jobId }] of batch.entries()) bytes.writeUInt32BE(Number(jobId), 110 * at)
        return bytes
      }
    },
    limits: syncPeerLimits({ clock }),
    clock
  })
  /** Asks in a conversation of its own; undefined where it is refused. */
  function ask(peer: string, request: Partial<SyncRequest>): SyncResponse | undefined {
    const conversation = respond.accept(peer)
    try {
      const answer = conversation?.answer(SyncRequest.encode(request))
      return answer && SyncResponse.decode(answer)
    } catch {
      return undefined
    } finally {
      conversation?.close()
    }
  }
  function jobsOf(bytes: Uint8Array): JobReference[] {
    const view = Buffer.from(bytes)
    return Array.from({ length: bytes.byteLength / 110 }, (_, at) => {
      const job = all[view.readUInt32BE(110 * at) - 1]
      if (job === undefined) throw new Error('no such job')
      return job
    })
  }
  function serve(peer: string): SyncConversation {
    const conversation = respond.accept(peer)
    if (conversation === undefined) throw new Error('refused')
    return {
      ask: async request => conversation.answer(request),
      close: async () => conversation.close()
    }
  }
  return { clock, all, counts, ask, serve, jobsOf }
}

const known = (jobs: JobReference[]): Uint8Array =>
  Buffer.concat(jobs.map(({ key }) => Buffer.from(shortIdOf(key), 'hex').subarray(0, shortIdBytes)))

describe('a node that answers by sync', () => {
  it('behavior: a peer that asks without end is given a bounded amount of work, and others are served', async () => {
    const { clock, counts, ask } = make(10_000)
    const request = { kind: SyncKind.Jobs, buckets: allBuckets }
    // At the rate that its requests and bytes allow.
    for (let second = 0; second < 10; second++) {
      for (let n = 0; n < 50; n++) ask('greedy', request)
      await clock.advance(1_000)
    }
    const { perSecond, burst } = syncLimits.work
    expect(counts.encoded * syncLimits.jobWork).toBeLessThanOrEqual(burst + 10 * perSecond)
    expect(ask('modest', request)?.jobs.length).toBeGreaterThan(0)
  })

  it('behavior: what is looked at costs as much where there is nothing to be told', () => {
    const { all, ask } = make(16_000)
    const request = { kind: SyncKind.Jobs, buckets: allBuckets, known: known(all) }
    let answered = 0
    for (let n = 0; n < 200; n++) if (ask('greedy', request) !== undefined) answered++
    // Each id, and each job that is compared with them.
    expect(answered).toBe(Math.floor(syncLimits.work.burst / 32_000))
    expect(ask('modest', request)?.done).toBe(256)
  })

  it('behavior: no more than so many conversations are held at a time, however many peers there are', async () => {
    const { serve } = make(1)
    const open = Array.from({ length: syncLimits.conversations }, (_, n) => serve(`peer ${n}`))
    expect(() => serve('one more')).toThrow('refused')
    await open[0]?.close()
    serve('one more')
    expect(() => serve('another')).toThrow('refused')
  })

  it('behavior: made-up peers share what all may ask for', () => {
    const { counts, ask } = make(10_000)
    for (let peer = 0; peer < 400; peer++) {
      for (let n = 0; n < 4; n++) ask(`sybil ${peer}`, { kind: SyncKind.Jobs, buckets: allBuckets })
    }
    expect(counts.encoded * syncLimits.jobWork).toBeLessThanOrEqual(syncLimits.allWork.burst)
  })

  it('behavior: a bucket that is asked for twice is refused, as its jobs would be looked at twice', () => {
    const { all, ask } = make(1_000)
    const buckets = Uint8Array.from({ length: 256 }, () => 7)
    expect(ask('peer', { kind: SyncKind.Jobs, buckets, known: known(all) })).toBeUndefined()
  })

  it('behavior: all leases are looked at once for all that ask at about the same time', async () => {
    const { clock, counts, ask } = make(1)
    for (let peer = 0; peer < 100; peer++) {
      expect(ask(`peer ${peer}`, { kind: SyncKind.Leases })?.envelopes).toHaveLength(2)
    }
    expect(counts.listed).toBe(1)
    await clock.advance(syncLimits.leaseListMs)
    ask('peer', { kind: SyncKind.Leases })
    expect(counts.listed).toBe(2)
  })

  it('behavior: while a conversation lasts, its pages of leases do not shift', async () => {
    let list = [1, 2, 3].map(n => new Uint8Array(syncLimits.envelopeBytes).fill(n))
    const { clock, serve } = make(1, () => list)
    const conversation = serve('peer')
    const pages: number[] = []
    for (let page = 0, more = true; more; page++) {
      const answer = SyncResponse.decode(
        await conversation.ask(SyncRequest.encode({ kind: SyncKind.Leases, page }))
      )
      pages.push(...answer.envelopes.map(([first = 0]) => first))
      more = answer.more
      // The first lease ends, and the list that serves all is made anew.
      list = list.slice(1)
      await clock.advance(syncLimits.leaseListMs + 1)
    }
    expect(pages).toEqual([1, 2, 3])
  })

  it('behavior: a peer that says it has more and tells nothing is left', async () => {
    const { all, jobsOf } = make(1)
    const conversation: SyncConversation = {
      async ask(request) {
        const { kind } = SyncRequest.decode(request)
        if (kind === SyncKind.Summary)
          return SyncResponse.encode({ count: 1, digest: new Uint8Array(8).fill(1) })
        if (kind === SyncKind.Buckets)
          return SyncResponse.encode({ buckets: new Uint8Array(bucketCount * bucketDigestBytes).fill(1) })
        return SyncResponse.encode({ done: 0 })
      },
      async close() {}
    }
    const sink = { onJobs() {}, onClosed() {}, async onEnvelope() {}, async onProof() {} }
    const jobs = jobIndex()
    for (const job of all) jobs.add(job)
    const outcome = await requestAll({ jobs, sink, codec: { decode: jobsOf } }, conversation, 'peer', false)
    expect(outcome).toMatchObject({ isEqual: false, jobs: 0 })
    // Once for each bucket.
    expect(outcome.requests).toBeLessThan(bucketCount + 10)
  })

  it('behavior: who joins is told 100,000 jobs at once', async () => {
    const { serve, jobsOf } = make(100_000)
    const jobs = jobIndex()
    const outcome = await requestAll(
      {
        jobs,
        sink: {
          onJobs: batch => batch.forEach(jobs.add),
          onClosed() {},
          async onEnvelope() {},
          async onProof() {}
        },
        codec: { decode: jobsOf }
      },
      serve('newcomer'),
      'peer',
      true
    )
    expect(outcome).toMatchObject({ isEqual: false, jobs: 100_000, hasLeases: true })
    expect(jobs.size).toBe(100_000)
  })
})
