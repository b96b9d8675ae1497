import { describe, expect, it } from 'vitest'
import type { Lease } from '../../../src/interface/index.js'
import { leaseBook } from '../../../src/lease/lease-book.js'

const slotMs = 400
const MAX = 1_000
const SELF = 'self'

function make(init: Partial<Parameters<typeof leaseBook>[0]> = {}) {
  const clock = { nowMs: 1_000_000 }
  const book = leaseBook({ slotMs, self: SELF, now: () => clock.nowMs, maxLeases: MAX, ...init })
  const lease = (job: number, worker: string, fields: Partial<Lease> = {}): Lease => ({
    job: `job ${job}`,
    worker,
    startMs: clock.nowMs,
    expiresMs: clock.nowMs + 10_000,
    sequence: 0,
    release: undefined,
    ...fields
  })
  /** Jobs 0 to `MAX`, each with a lease of a worker of its own. */
  const fill = (): void => {
    for (let n = 0; n < MAX; n++) book.add(lease(n, `w${n}`))
  }
  return { clock, book, lease, fill }
}

describe('a lease book that is full', () => {
  it('behavior: it takes no more leases of others while all that it has may hold', () => {
    const { book, lease, fill } = make()
    fill()
    expect(book.add(lease(MAX, 'late'))).toBe(false)
    // What it has is still renewed and released.
    expect(book.add(lease(0, 'w0', { sequence: 1, expiresMs: 1_020_000 }))).toBe(true)
    expect(book.size).toBe(MAX)
  })

  it('behavior: it takes the leases of its own node all the same', () => {
    const { clock, book, lease, fill } = make()
    fill()
    for (let n = 0; n < 50; n++) expect(book.add(lease(MAX + n, SELF))).toBe(true)
    expect(book.holder(`job ${MAX}`, clock.nowMs)?.worker).toBe(SELF)
    expect(book.size).toBe(MAX + 50)
  })

  it('behavior: leases that ended a while ago make room for new ones', () => {
    const { clock, book, lease, fill } = make()
    fill()
    clock.nowMs += 10_000 + 30_000
    for (let n = 0; n < MAX; n++) expect(book.add(lease(MAX + n, 'next'))).toBe(true)
    expect(book.size).toBe(MAX)
    expect(book.leases('job 0')).toEqual([])
    expect(book.claimsSince('w0', 0)).toBe(0)
    expect(book.holder(`job ${MAX}`, clock.nowMs)?.worker).toBe('next')
  })

  it('behavior: those that ended just now stay, as a renewal that comes late is judged by them', () => {
    const { clock, book, lease, fill } = make()
    fill()
    clock.nowMs += 10_000 + 29_000
    for (let n = 0; n < 20; n++) expect(book.add(lease(MAX, 'late'))).toBe(false)
    expect(book.size).toBe(MAX)
  })

  it('behavior: an ended lease that makes another of its worker void stays with it', () => {
    const { clock, book, lease } = make({ maxLeases: 2 })
    book.add(lease(0, 'liar', { expiresMs: clock.nowMs + 1 }))
    book.add(lease(0, 'liar', { startMs: clock.nowMs + 1, sequence: 1, expiresMs: clock.nowMs + 100_000 }))
    clock.nowMs += 60_000
    expect(book.add(lease(1, 'other'))).toBe(false)
    expect(book.holder('job 0', clock.nowMs)).toBeUndefined()
  })

  it('behavior: what a look costs does not grow with the book', () => {
    const { clock, book, lease } = make({ maxLeases: 20_000 })
    for (let n = 0; n < 19_999; n++) book.add(lease(n, `w${n}`, { expiresMs: clock.nowMs + 100_000 }))
    book.add(lease(19_999, 'ended'))
    clock.nowMs += 50_000
    let refused = 0
    while (refused < 100 && !book.add(lease(20_001, 'late'))) refused++
    // One that has ended is found when the look has come round to it: 256 jobs at a time.
    expect(refused).toBeGreaterThan(50)
    expect(refused).toBeLessThan(100)
  })
})

describe('evidence', () => {
  const bytes = (size: number): Uint8Array => new Uint8Array(size)

  it('behavior: an envelope counts once, and leaves with the last lease that keeps it', () => {
    const { book, lease } = make()
    const envelope = bytes(100)
    for (let n = 0; n < 3; n++) book.add(lease(n, 'a'), envelope)
    expect(book.evidenceBytes).toBe(100)
    const renewed = bytes(40)
    book.add(lease(0, 'a', { sequence: 1 }), renewed)
    expect(book.evidenceBytes).toBe(140)
    for (let n = 0; n < 2; n++) book.forget(`job ${n}`)
    expect(book.evidenceBytes).toBe(100)
    book.drop('a')
    expect(book.evidenceBytes).toBe(0)
  })

  it('behavior: a lease that is pushed out takes its envelope along', () => {
    const { book, lease } = make()
    for (let n = 0; n < 20; n++) book.add(lease(0, 'a', { startMs: 1_000_000 + n * slotMs }), bytes(100))
    expect(book.size).toBe(8)
    expect(book.evidenceBytes).toBe(800)
  })

  it('behavior: above the limit leases are kept without their envelopes', () => {
    const { clock, book, lease } = make({ maxEvidenceBytes: 1_000 })
    for (let n = 0; n < 20; n++) expect(book.add(lease(n, `w${n}`), bytes(100))).toBe(true)
    expect(book.evidenceBytes).toBe(1_000)
    expect(book.size).toBe(20)
    expect(book.holder('job 19', clock.nowMs)?.worker).toBe('w19')
    expect(book.envelopes(clock.nowMs)).toHaveLength(10)
    // Padding of one new lease by others that are known already.
    book.add(lease(20, 'padder'), bytes(64 * 1024))
    expect(book.evidenceBytes).toBe(1_000)
    // Its own are passed on all the same.
    book.add(lease(21, SELF), bytes(100))
    expect(book.envelopes(clock.nowMs)).toHaveLength(11)
    // Room that is made is used.
    for (let n = 0; n < 5; n++) book.forget(`job ${n}`)
    book.add(lease(22, 'w22'), bytes(100))
    expect(book.evidenceBytes).toBe(700)
  })
})
