import type { PeerKey } from '../interface/bytes.js'
import type { Lease } from '../interface/lease.js'
import { maximalLeaseMs } from '../interface/settings.js'
import { score } from './score.js'

/** A lease as a node counts it. */
export interface CountedLease extends Lease {
  /**
   * From when it counts, where that is later than its start: this node should have heard of the claim and has not
   * (witness.ts). Undefined: from its start.
   */
  countedFromMs?: number | undefined
}

/** Which slot a lease was claimed in. Slots are as wide as Δ and count from the epoch, so that all nodes agree on them. */
export function slotOf(lease: Pick<Lease, 'startMs'>, slotMs: number): number {
  return Math.floor(lease.startMs / slotMs)
}

/** When a lease counts from. */
export const countedFrom = (lease: CountedLease): number => lease.countedFromMs ?? lease.startMs

/**
 * What two leases of one claim (job, worker, start) say together: the later sequence stands; where a worker signed two
 * of the same sequence, the release, then the earlier expiry, then the one that counts from earlier. Commutative,
 * associative and idempotent, so that the order of arrival cannot matter.
 */
export function joinClaim(a: CountedLease, b: CountedLease): CountedLease {
  if (a.sequence !== b.sequence) return a.sequence > b.sequence ? a : b
  if ((a.release === undefined) !== (b.release === undefined)) return a.release === undefined ? b : a
  if (a.expiresMs !== b.expiresMs) return a.expiresMs < b.expiresMs ? a : b
  if (countedFrom(a) !== countedFrom(b)) return countedFrom(a) < countedFrom(b) ? a : b
  return (a.release ?? 0) <= (b.release ?? 0) ? a : b
}

/** Whether two leases of one worker for one job prove that it claimed twice in one slot. Both are then void. */
export function isEquivocation(a: Lease, b: Lease, slotMs: number): boolean {
  return (
    a.job === b.job &&
    a.worker === b.worker &&
    a.startMs !== b.startMs &&
    slotOf(a, slotMs) === slotOf(b, slotMs)
  )
}

/**
 * Who may work on a job: the lease with the lowest (slot, score, key) among those that are unexpired, unreleased,
 * not from ahead, and not void by equivocation. Undefined where there is none.
 *
 * A pure function of the set of leases of ONE job: neither order nor duplicates matter (invariant I1). The leases must
 * have been validated.
 */
export function holder(
  leases: Iterable<CountedLease>,
  nowMs: number,
  slotMs: number
): CountedLease | undefined {
  const all = [...leases]
  const [only] = all
  // Nearly always one worker has claimed, once.
  if (only === undefined) return undefined
  if (all.length === 1) return only.release === undefined && isNow(only, nowMs) ? only : undefined
  const claims = new Map<PeerKey, Map<number, CountedLease>>()
  for (const lease of all) {
    const byStart = claims.get(lease.worker) ?? new Map<number, CountedLease>()
    const known = byStart.get(lease.startMs)
    byStart.set(lease.startMs, known === undefined ? lease : joinClaim(known, lease))
    claims.set(lease.worker, byStart)
  }

  let best: CountedLease | undefined
  for (const byStart of claims.values()) {
    const starts = [...byStart.values()]
    for (const lease of starts) {
      if (lease.release !== undefined || !isNow(lease, nowMs)) continue
      if (starts.some(other => isEquivocation(lease, other, slotMs))) continue
      if (best === undefined || isBetter(lease, best, slotMs)) best = lease
    }
  }
  return best
}

/**
 * Neither over nor from ahead. None that starts more than ε ahead is let in, so where one starts later than any lease is long, the
 * clock was set back since: it would seem to hold for all that time.
 */
const isNow = ({ startMs, expiresMs }: Lease, nowMs: number): boolean =>
  expiresMs > nowMs && startMs <= nowMs + maximalLeaseMs

/** The order of `holder`. */
export function isBetter(a: CountedLease, b: CountedLease, slotMs: number): boolean {
  const slotA = Math.floor(countedFrom(a) / slotMs)
  const slotB = Math.floor(countedFrom(b) / slotMs)
  if (slotA !== slotB) return slotA < slotB
  if (a.worker !== b.worker) {
    const scoreA = score(a.job, a.worker)
    const scoreB = score(b.job, b.worker)
    return scoreA === scoreB ? a.worker < b.worker : scoreA < scoreB
  }
  return a.startMs < b.startMs
}
