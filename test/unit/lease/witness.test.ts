import { describe, expect, it } from 'vitest'
import type { Lease } from '../../../src/interface/lease.js'
import { countedFrom } from '../../../src/lease/holder.js'
import { leaseBook } from '../../../src/lease/lease-book.js'
import { hearingMs, MAX_UNSEEN_MS, witness } from '../../../src/lease/witness.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { testTiming } from '../../helpers/worker-cluster.js'

const { leaseMs } = testTiming
const youngMs = hearingMs(testTiming)

function make(silences: [number, number][] = []) {
  const clock = manualClock()
  const nowMs = clock.now()
  const book = leaseBook({ slotMs: testTiming.slotMs, now: clock.now })
  const wasSilent = (_worker: string, atMs: number): boolean =>
    silences.some(([from, until]) => atMs >= nowMs + from && atMs <= nowMs + until)
  const judge = witness(testTiming)({ book, roster: { wasSilent }, clock })
  const lease = (startMs: number, fields: Partial<Lease> = {}): Lease => ({
    job: 'ab'.repeat(32),
    worker: 'cd'.repeat(32),
    startMs: nowMs + startMs,
    expiresMs: clock.now() + leaseMs,
    sequence: 1,
    release: undefined,
    ...fields
  })
  return { clock, book, judge, lease, nowMs }
}

describe('leases whose claim was not seen', () => {
  it('behavior: a backdated renewal of a worker that was heard all the time counts from now', () => {
    const { judge, lease, nowMs } = make()
    expect(countedFrom(judge(lease(-youngMs - 1)))).toBe(nowMs)
    expect(countedFrom(judge(lease(-60_000)))).toBe(nowMs)
  })

  it('behavior: a claim so young that it may have been lost on its way counts from its start', () => {
    const { judge, lease, nowMs } = make()
    expect(countedFrom(judge(lease(-youngMs)))).toBe(nowMs - youngMs)
  })

  it('behavior: a claim made while the worker could not be heard counts from its start', () => {
    const { judge, lease, nowMs } = make([[-30_000, -500]])
    expect(countedFrom(judge(lease(-20_000)))).toBe(nowMs - 20_000)
    expect(countedFrom(judge(lease(-31_000)))).toBe(nowMs)
  })

  it('behavior: silence explains no claim that is older than ten minutes', () => {
    const { judge, lease, nowMs } = make([[Number.NEGATIVE_INFINITY, 0]])
    expect(countedFrom(judge(lease(-MAX_UNSEEN_MS)))).toBe(nowMs - MAX_UNSEEN_MS)
    expect(countedFrom(judge(lease(-MAX_UNSEEN_MS - 1)))).toBe(nowMs)
  })

  it('behavior: a renewal of a claim that was followed counts from its start, however old', async () => {
    const { clock, book, judge, lease, nowMs } = make()
    book.add(lease(0, { sequence: 0 }))
    for (let sequence = 1; sequence < 200; sequence++) {
      await clock.advance(leaseMs / 3)
      const renewed = judge(lease(0, { sequence }))
      expect(countedFrom(renewed)).toBe(nowMs)
      book.add(renewed)
    }
  })

  it('behavior: a lease that ran out and is renewed all the same counts anew, and so do its renewals', async () => {
    const { clock, book, judge, lease } = make()
    book.add(lease(0, { sequence: 0 }))
    await clock.advance(leaseMs + youngMs + 1)
    const revived = judge(lease(0))
    expect(countedFrom(revived)).toBe(clock.now())
    book.add(revived)
    const fromMs = clock.now()
    await clock.advance(leaseMs / 3)
    expect(countedFrom(judge(lease(0, { sequence: 2 })))).toBe(fromMs)
    expect(book.holder(lease(0).job, clock.now())?.countedFromMs).toBe(fromMs)
  })

  it('behavior: what counted from later counts from its start once silence explains it', async () => {
    const silences: [number, number][] = []
    const { book, judge, lease, nowMs } = make(silences)
    const unseen = judge(lease(-20_000))
    expect(countedFrom(unseen)).toBe(nowMs)
    book.add(unseen)
    silences.push([-25_000, 0])
    const explained = judge(unseen)
    expect(book.add(explained)).toBe(true)
    expect(countedFrom(explained)).toBe(nowMs - 20_000)
  })
})
