import { expect, it } from 'vitest'
import type { Lease } from '../../../src/interface/index.js'
import { leaseBook } from '../../../src/lease/lease-book.js'
import { MAX_HOLD_MS } from '../../../src/lease/overdue.js'

const slotMs = 400
const leaseMs = 10_000

function make(self: string) {
  const clock = { nowMs: 1_000_000_000 }
  const book = leaseBook({ slotMs, self, now: () => clock.nowMs })
  const lease = (worker: string, fields: Partial<Lease> = {}): Lease => ({
    job: 'job',
    worker,
    startMs: clock.nowMs,
    expiresMs: clock.nowMs + leaseMs,
    sequence: 0,
    release: undefined,
    ...fields
  })
  /** Renews a claim for so long. */
  function hold(worker: string, forMs: number, startMs = clock.nowMs): void {
    for (const endMs = clock.nowMs + forMs; clock.nowMs < endMs; clock.nowMs += leaseMs / 2)
      book.add(lease(worker, { startMs, sequence: (clock.nowMs - startMs) / (leaseMs / 2) }))
  }
  return { clock, book, lease, hold, holder: () => book.holder('job', clock.nowMs)?.worker }
}

it('behavior: who has held a job for ten minutes keeps it from others no longer, and goes on by itself', () => {
  const [other, itself] = [make('other'), make('worker')]
  for (const { hold, holder } of [other, itself]) {
    hold('worker', MAX_HOLD_MS - leaseMs / 2)
    expect(holder()).toBe('worker')
    hold('worker', leaseMs, 1_000_000_000)
  }
  expect(itself.holder()).toBe('worker')
  expect(other.holder()).toBeUndefined()
  other.book.add(other.lease('other'))
  expect(other.holder()).toBe('other')
})

it('behavior: to give a job up and claim it again at once is to have held it all along', () => {
  const { clock, book, lease, holder } = make('other')
  for (const endMs = clock.nowMs + MAX_HOLD_MS; clock.nowMs < endMs; ) {
    expect(holder()).toBeUndefined()
    const startMs = clock.nowMs
    book.add(lease('worker', { startMs }))
    expect(holder()).toBe('worker')
    clock.nowMs += 5_000
    // As if it had never held it.
    book.add(lease('worker', { startMs, expiresMs: startMs, sequence: 1, release: 1 }))
  }
  book.add(lease('worker'))
  expect(holder()).toBeUndefined()
})

it('behavior: a worker that had the job long ago may hold it anew', () => {
  const { clock, book, lease, holder } = make('other')
  book.add(lease('worker'))
  book.add(lease('worker', { sequence: 1, release: 1 }))
  clock.nowMs += MAX_HOLD_MS
  book.add(lease('worker'))
  expect(holder()).toBe('worker')
})
