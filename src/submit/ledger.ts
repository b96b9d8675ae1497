import type { OutboxItem } from '../db/repositories/outbox.js'
import type { Hex } from '../interface/bytes.js'
import type { Result } from '../interface/result.js'

/** Results in memory, so that they need not be read back at once: a few hundred pictures, or very many texts. */
const MAX_MEMORY_BYTES = 32 << 20

interface Waiting {
  item: OutboxItem
  queuedAtMs: number
  /** Not to be tried again before. */
  notBeforeMs: number
  attempts: number
  /** Told of before a reorg dropped its transaction: not to be told again. */
  reported: boolean
}

/** What is known of each result that is not done with, by its request's hash. Only keys stay in memory without bound. Times are steady. */
export interface Ledger {
  /** Lets a new result wait. One that waits or is in a transaction is not doubled; one that was reported will be again. */
  add(result: Result, nowMs: number): void
  /** Puts an item to wait, again. */
  requeue(item: OutboxItem, nowMs: number, delayMs: number): void
  /** The item is in a transaction of the outbox. */
  markSent(item: OutboxItem): void
  /** @returns the item as it was last queued; undefined if it was reported before, or is unknown */
  markReported(requestHash: Hex): OutboxItem | undefined
  /** Forgets a result. */
  drop(requestHash: Hex): void
  /** Forgets those of `items` that were reported. */
  dropReported(items: OutboxItem[]): void
  /** How often the item has been put to wait again. */
  attempts(requestHash: Hex): number
  /** Up to `limit` items that wait and may be tried now, oldest first, each for a job id of its own that is not in `busy`. */
  ready(nowMs: number, limit: number, busy: ReadonlySet<bigint>): OutboxItem[]
  waitingCount(): number
  /** When the oldest of those that wait was queued. */
  oldestMs(): number | undefined
  /** When the first of those that wait may be tried; any time up to `nowMs` where one may be tried now. */
  nextReadyMs(nowMs: number): number | undefined
  /** The result, with the job key that it was last queued under. */
  result(item: OutboxItem): Promise<Result | undefined>
}

export function resultLedger(load: (requestHash: Hex) => Promise<Result | undefined>): Ledger {
  /** In the order in which they were queued. */
  const waiting = new Map<Hex, Waiting>()
  /** In a transaction that is not final. */
  const sent = new Map<Hex, { item: OutboxItem; reported: boolean; attempts: number }>()
  const memory = new Map<Hex, Result>()
  let memoryBytes = 0

  function remember(result: Result): void {
    forget(result.requestHash)
    const size = sizeBytes(result)
    if (memoryBytes + size > MAX_MEMORY_BYTES) return
    memoryBytes += size
    memory.set(result.requestHash, result)
  }

  function forget(requestHash: Hex): void {
    const result = memory.get(requestHash)
    if (result !== undefined) memoryBytes -= sizeBytes(result)
    memory.delete(requestHash)
  }

  function drop(requestHash: Hex): void {
    forget(requestHash)
    waiting.delete(requestHash)
    sent.delete(requestHash)
  }

  return {
    add(result, nowMs) {
      remember(result)
      const { job, jobId, requestHash } = result
      const item = { job, jobId, requestHash }
      const known = sent.get(requestHash)
      if (known !== undefined) {
        sent.set(requestHash, { ...known, item, reported: false })
        return
      }
      const line = waiting.get(requestHash)
      // A reorg may have given the job another key.
      if (line !== undefined) Object.assign(line, { item, reported: false })
      else
        waiting.set(requestHash, {
          item,
          queuedAtMs: nowMs,
          notBeforeMs: nowMs,
          attempts: 0,
          reported: false
        })
    },
    requeue(item, nowMs, delayMs) {
      const { requestHash } = item
      const line = waiting.get(requestHash)
      const known = sent.get(requestHash)
      waiting.delete(requestHash)
      sent.delete(requestHash)
      waiting.set(requestHash, {
        item: (line ?? known)?.item ?? item,
        reported: (line ?? known)?.reported ?? false,
        queuedAtMs: line?.queuedAtMs ?? nowMs,
        notBeforeMs: nowMs + delayMs,
        attempts: ((line ?? known)?.attempts ?? 0) + 1
      })
    },
    markSent(item) {
      const { requestHash } = item
      const line = waiting.get(requestHash)
      sent.set(requestHash, {
        item: line?.item ?? item,
        reported: line?.reported ?? false,
        attempts: line?.attempts ?? 0
      })
      waiting.delete(requestHash)
    },
    markReported(requestHash) {
      const line = sent.get(requestHash) ?? waiting.get(requestHash)
      if (line === undefined || line.reported) return undefined
      line.reported = true
      return line.item
    },
    drop,
    dropReported(items) {
      for (const { requestHash } of items) if (sent.get(requestHash)?.reported === true) drop(requestHash)
    },
    attempts: requestHash => waiting.get(requestHash)?.attempts ?? 0,
    ready(nowMs, limit, busy) {
      // Two results for one job id can only come of a reorg. They go one after the other, so that an answer names one item.
      const taken = new Set(busy)
      const items: OutboxItem[] = []
      for (const { item, notBeforeMs } of waiting.values()) {
        if (items.length >= limit) break
        if (notBeforeMs > nowMs || taken.has(item.jobId)) continue
        taken.add(item.jobId)
        items.push(item)
      }
      return items
    },
    waitingCount: () => waiting.size,
    oldestMs: () => waiting.values().next().value?.queuedAtMs,
    nextReadyMs(nowMs) {
      let first: number | undefined
      for (const { notBeforeMs } of waiting.values()) {
        if (notBeforeMs <= nowMs) return notBeforeMs
        first = Math.min(first ?? notBeforeMs, notBeforeMs)
      }
      return first
    },
    async result(item) {
      const { job, requestHash } = item
      const result = memory.get(requestHash) ?? (await load(requestHash))
      return result === undefined ? undefined : { ...result, job }
    }
  }
}

/** 1,000 for all but the output, which is UTF-16 text of twice its bytes. */
function sizeBytes({ outcome }: Result): number {
  return 1_000 + (outcome.success ? outcome.output.length : outcome.reason.length * 2)
}
