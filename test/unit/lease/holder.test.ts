import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Lease } from '../../../src/interface/lease.js'
import { holder, isEquivocation, joinClaim, slotOf } from '../../../src/lease/holder.js'
import { leaseBook } from '../../../src/lease/lease-book.js'
import { score } from '../../../src/lease/score.js'

const slotMs = 400
const job = 'ab'.repeat(32)
const key = (n: number): string => n.toString(16).padStart(64, '0')

const lease = (fields: Partial<Lease>): Lease => ({
  job,
  worker: key(1),
  startMs: 4_000,
  expiresMs: 14_000,
  sequence: 0,
  release: undefined,
  ...fields
})

/** Leases of a few workers around a few slots, with renewals, releases and equivocations among them. */
const anyLease: fc.Arbitrary<Lease> = fc.record({
  job: fc.constant(job),
  worker: fc.integer({ min: 1, max: 4 }).map(key),
  startMs: fc.constantFrom(4_000, 4_100, 4_399, 4_400, 4_900, 6_000),
  expiresMs: fc.constantFrom(7_000, 10_000, 14_000),
  sequence: fc.integer({ min: 0, max: 3 }),
  release: fc.constantFrom(undefined, undefined, undefined, 1 as const, 4 as const)
})

describe('holder', () => {
  it('behavior: the earlier slot wins, then the better score', () => {
    const [better, worse] = [key(1), key(2)].sort((a, b) => (score(job, a) < score(job, b) ? -1 : 1)) as [
      string,
      string
    ]
    const inSameSlot = [lease({ worker: worse, startMs: 4_000 }), lease({ worker: better, startMs: 4_399 })]
    expect(holder(inSameSlot, 5_000, slotMs)?.worker).toBe(better)
    const slotEarlier = [lease({ worker: worse, startMs: 4_399 }), lease({ worker: better, startMs: 4_400 })]
    expect(holder(slotEarlier, 5_000, slotMs)?.worker).toBe(worse)
  })

  it('behavior: expired and released leases hold nothing', () => {
    expect(holder([lease({ expiresMs: 5_000 })], 5_000, slotMs)).toBeUndefined()
    expect(holder([lease({}), lease({ sequence: 1, release: 1 })], 5_000, slotMs)).toBeUndefined()
  })

  it('behavior: a renewal keeps its place in the order', () => {
    const renewed = lease({ worker: key(2), startMs: 4_000, expiresMs: 20_000, sequence: 3 })
    const newcomer = lease({ worker: key(1), startMs: 6_000, expiresMs: 16_000 })
    expect(holder([newcomer, renewed], 15_000, slotMs)?.worker).toBe(key(2))
  })

  it('behavior: two claims of one worker in one slot are void, and only its own', () => {
    const twice = [lease({ startMs: 4_000 }), lease({ startMs: 4_100 })]
    expect(holder(twice, 5_000, slotMs)).toBeUndefined()
    expect(holder([...twice, lease({ worker: key(2), startMs: 4_900 })], 5_000, slotMs)?.worker).toBe(key(2))
  })

  it('behavior: order and duplicates of arrival do not matter (I1)', () => {
    fc.assert(
      fc.property(
        fc.array(anyLease, { maxLength: 12 }).chain(leases =>
          fc.tuple(
            fc.constant(leases),
            fc.shuffledSubarray([...leases, ...leases], {
              minLength: leases.length * 2,
              maxLength: leases.length * 2
            })
          )
        ),
        fc.integer({ min: 4_000, max: 15_000 }),
        ([leases, shuffled], nowMs) => {
          expect(holder(shuffled, nowMs, slotMs)).toEqual(holder(leases, nowMs, slotMs))
        }
      ),
      { numRuns: 500 }
    )
  })

  it('behavior: what the lease book keeps gives the same holder as all that it was told (I1)', () => {
    fc.assert(
      fc.property(
        fc.array(anyLease, { maxLength: 12 }),
        fc.integer({ min: 4_000, max: 15_000 }),
        (leases, nowMs) => {
          const book = leaseBook({ slotMs })
          for (const one of leases) book.add(one)
          expect(book.holder(job, nowMs)).toEqual(holder(leases, nowMs, slotMs))
        }
      ),
      { numRuns: 500 }
    )
  })

  it('behavior: nor does it matter what the book drops where more workers claim a job than it keeps (I1)', () => {
    const claims = Array.from({ length: 100 }, (_, n) =>
      // A few in each slot; those of the earliest slots have ended.
      lease({ worker: key(n), startMs: 4_000 + 100 * n, expiresMs: n < 20 ? 6_000 : 20_000 })
    )
    const nowMs = 15_000
    const expected = holder(claims, nowMs, slotMs)
    fc.assert(
      fc.property(fc.shuffledSubarray(claims, { minLength: 100 }), shuffled => {
        const book = leaseBook({ slotMs, now: () => nowMs })
        for (const one of shuffled) book.add(one)
        expect(book.size).toBe(64)
        expect(book.holder(job, nowMs)).toEqual(expected)
      }),
      { numRuns: 50 }
    )
  })

  it('behavior: the holder is best of all live leases, by slot then score', () => {
    fc.assert(
      fc.property(fc.array(anyLease, { maxLength: 10 }), leases => {
        const best = holder(leases, 5_000, slotMs)
        if (best === undefined) return
        for (const other of leases) {
          const latest = leases
            .filter(l => l.worker === other.worker && l.startMs === other.startMs)
            .reduce(joinClaim)
          const isVoid = leases.some(l => isEquivocation(l, other, slotMs))
          if (isVoid || latest.release !== undefined || latest.expiresMs <= 5_000) continue
          const slots = [slotOf(best, slotMs), slotOf(other, slotMs)] as const
          expect(
            slots[0] < slots[1] ||
              (slots[0] === slots[1] && score(job, best.worker) <= score(job, other.worker))
          ).toBe(true)
        }
      })
    )
  })

  it('behavior: joining two leases of a claim is commutative, associative and idempotent', () => {
    const claim = anyLease.map(one => ({ ...one, worker: key(1), startMs: 4_000 }))
    fc.assert(
      fc.property(claim, claim, claim, (a, b, c) => {
        expect(joinClaim(a, b)).toEqual(joinClaim(b, a))
        expect(joinClaim(joinClaim(a, b), c)).toEqual(joinClaim(a, joinClaim(b, c)))
        expect(joinClaim(a, a)).toEqual(a)
      })
    )
  })
})
