import type { PeerKey } from '../interface/bytes.js'
import type { Clock } from '../interface/clock.js'
import type { LeaseTiming } from '../interface/lease.js'
import { gossipHeartbeatMs } from '../interface/settings.js'
import { type CountedLease, countedFrom } from './holder.js'
import type { LeaseBook } from './lease-book.js'

/**
 * A claim that nobody here has seen counts as it says for this long. Two nodes that were apart for longer than this
 * each hold on to their own until the job's end; who was silent for so long wins no job that others have worked on
 * for longer. Sixty leases of 10 s: far above any model's run time of today.
 */
export const MAX_UNSEEN_MS = 600_000

export interface WitnessComponents {
  book: Pick<LeaseBook, 'claim'>
  /** Whether this node did not hear the worker at a moment, and has heard it since. */
  roster: { wasSilent(worker: PeerKey, atMs: number): boolean }
  clock: Clock
}

/**
 * How long a presence may be overdue before the worker counts as silent, and so how old what it claims may be without
 * having been heard: a claim's own time, or what a lost presence leaves open.
 */
export function hearingMs({
  skewMs,
  slotMs,
  presenceIntervalMs
}: Pick<LeaseTiming, 'skewMs' | 'slotMs' | 'presenceIntervalMs'>): number {
  return Math.max(skewMs + slotMs + 2 * gossipHeartbeatMs, 1.5 * presenceIntervalMs)
}

/**
 * Judges from when a lease counts (docs/protocol.md, "Leases whose claim was not seen"). A lease counts from its start if
 * this node has followed its claim, if the claim is so young that it may still have been on its way, or if the worker
 * was not heard here when it claimed: then the two were apart, or this node was not there yet. In all other cases this node
 * would have heard of it, so it counts from now: as if the worker had claimed at this moment.
 */
export function witness(timing: LeaseTiming) {
  const youngMs = hearingMs(timing)
  return ({ book, roster, clock }: WitnessComponents) =>
    (counted: CountedLease): CountedLease => {
      const nowMs = clock.now()
      // It may have been judged before.
      const lease = counted.countedFromMs === undefined ? counted : { ...counted, countedFromMs: undefined }
      // A release only ends what came before it.
      if (lease.release !== undefined) return lease
      const known = book.claim(lease)
      const mayBeUnheard = (sinceMs: number): boolean =>
        sinceMs >= nowMs - youngMs ||
        (sinceMs >= nowMs - MAX_UNSEEN_MS && roster.wasSilent(lease.worker, sinceMs))

      const isUnwitnessed = { ...lease, countedFromMs: nowMs }
      if (known === undefined) return mayBeUnheard(lease.startMs) ? lease : isUnwitnessed
      // A lease that ran out is not renewed, unless its renewals may have gone unheard.
      if (!mayBeUnheard(known.expiresMs)) return isUnwitnessed
      if (known.countedFromMs === undefined || mayBeUnheard(lease.startMs)) return lease
      return { ...lease, countedFromMs: countedFrom(known) }
    }
}
