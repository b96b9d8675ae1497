import type { TopicKind } from './topic.js'
import type { IgnoreReason, RejectReason } from './validation/errors.js'

/** Counts of one topic since the start. `messages` are envelopes, `items` the jobs, leases, results or presences in them. */
export interface TopicStats {
  in: {
    messages: number
    bytes: number
    accepted: number
    /** Items handed to the handlers. */
    items: number
    ignored: Partial<Record<IgnoreReason, number>>
    rejected: Partial<Record<RejectReason, number>>
    /** Messages for which the peer that sent them was penalised, as it sent far too many. */
    floods: number
    /** Items of accepted or ignored batches that were left out, by reason. */
    dropped: Partial<Record<IgnoreReason, number>>
  }
  out: { messages: number; bytes: number; items: number }
}

export interface GossipStats {
  topics: Record<TopicKind, TopicStats>
  /** Leases that wait for their job now. */
  held: number
}

function emptyTopicStats(): TopicStats {
  return {
    in: { messages: 0, bytes: 0, accepted: 0, items: 0, ignored: {}, rejected: {}, floods: 0, dropped: {} },
    out: { messages: 0, bytes: 0, items: 0 }
  }
}

export function emptyStats(): Record<TopicKind, TopicStats> {
  return {
    jobs: emptyTopicStats(),
    leases: emptyTopicStats(),
    results: emptyTopicStats(),
    presence: emptyTopicStats()
  }
}

/** Adds to the counter of a reason. */
export function count<R extends string>(counters: Partial<Record<R, number>>, reason: R, by = 1): void {
  if (by > 0) counters[reason] = (counters[reason] ?? 0) + by
}
