import type { PeerKey } from '../interface/bytes.js'
import type { Lease } from '../interface/lease.js'
import { score } from './score.js'

/** Which slot a lease was claimed in. Slots are as wide as Δ and count from the epoch, so that all nodes agree on them. */
export function slotOf(lease: Pick<Lease, 'startMs'>, slotMs: number): number {
  return Math.floor(lease.startMs / slotMs)
}

/**
 * What two leases of one claim (job, worker, start) say together: the later sequence stands; where a worker signed two
 * of the same sequence, the release, then the earlier expiry. Commutative, associative and idempotent, so that the order
 * of arrival cannot matter.
 */
export function joinClaim(a: Lease, b: Lease): Lease {
  if (a.sequence !== b.sequence) return a.sequence > b.sequence ? a : b
  if ((a.release === undefined) !== (b.release === undefined)) return a.release === undefined ? b : a
  if (a.expiresMs !== b.expiresMs) return a.expiresMs < b.expiresMs ? a : b
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
 * Who may work on a job: the lease with the lowest (slot, score, key) among those that are unexpired, unreleased and
 * not void by equivocation. Undefined where there is none.
 *
 * A pure function of the set of leases of ONE job: neither order nor duplicates matter (invariant I1). The leases must
 * have been validated.
 */
export function holder(leases: Iterable<Lease>, nowMs: number, slotMs: number): Lease | undefined {
  const claims = new Map<PeerKey, Map<number, Lease>>()
  for (const lease of leases) {
    const byStart = claims.get(lease.worker) ?? new Map<number, Lease>()
    const known = byStart.get(lease.startMs)
    byStart.set(lease.startMs, known === undefined ? lease : joinClaim(known, lease))
    claims.set(lease.worker, byStart)
  }

  let best: Lease | undefined
  for (const byStart of claims.values()) {
    const starts = [...byStart.values()]
    for (const lease of starts) {
      if (lease.release !== undefined || lease.expiresMs <= nowMs) continue
      if (starts.some(other => isEquivocation(lease, other, slotMs))) continue
      if (best === undefined || isBetter(lease, best, slotMs)) best = lease
    }
  }
  return best
}

/** The order of `holder`. */
export function isBetter(a: Lease, b: Lease, slotMs: number): boolean {
  const slotA = slotOf(a, slotMs)
  const slotB = slotOf(b, slotMs)
  if (slotA !== slotB) return slotA < slotB
  if (a.worker !== b.worker) {
    const scoreA = score(a.job, a.worker)
    const scoreB = score(b.job, b.worker)
    return scoreA === scoreB ? a.worker < b.worker : scoreA < scoreB
  }
  return a.startMs < b.startMs
}
