import type { Lease, LeaseTiming } from '../../interface/index.js'
import { gossipHeartbeatMs } from '../../interface/index.js'
import { ageLimits } from '../limits.js'
import { IgnoreError } from './errors.js'

/** Whether a lease's times let it count at a receiver whose clock says `nowMs`. */
export type LeaseTime = 'timely' | 'early' | 'late' | 'expired'

/**
 * How old a claim may be when it arrives: clocks that differ by ε, a delivery (always less than Δ), and two heartbeats in
 * which gossipsub fetches a message that the mesh lost. What is older was held back or backdated. The longer this is,
 * the more slots a liar may claim to have been earlier; the shorter, the more honest claims are lost.
 */
export function maximalClaimAgeMs({ skewMs, slotMs }: Pick<LeaseTiming, 'skewMs' | 'slotMs'>): number {
  return skewMs + slotMs + 2 * gossipHeartbeatMs
}

/**
 * The rule of time for one lease. Pure.
 * - early: it starts more than ε in the future.
 * - late: a claim (sequence 0) that starts longer ago than `maximalClaimAgeMs`. A renewal keeps the start of its claim and
 *   is not judged by it: whether the claim was seen in time is what the lease book knows.
 *   So is a claim that another node passes on, by sync (`isPassedOn`).
 * - expired: it holds no longer. A release is news even then, as it ends the lease that came before it.
 */
export function leaseTime(
  lease: Pick<Lease, 'startMs' | 'expiresMs' | 'sequence' | 'release'>,
  nowMs: number,
  timing: Pick<LeaseTiming, 'skewMs' | 'slotMs'>,
  isPassedOn = false
): LeaseTime {
  if (lease.startMs > nowMs + timing.skewMs) return 'early'
  if (!isPassedOn && lease.sequence === 0 && lease.startMs < nowMs - maximalClaimAgeMs(timing)) return 'late'
  if (lease.release === undefined && lease.expiresMs <= nowMs) return 'expired'
  return 'timely'
}

/** Throws IgnoreError for a batch that was signed too long ago or in the future: a replay, or a broken clock. */
export function checkBatchAge(sentAtMs: number, nowMs: number): void {
  if (sentAtMs < nowMs - ageLimits.batchAgeMs)
    throw new IgnoreError('late', 'The batch was signed too long ago')
  if (sentAtMs > nowMs + ageLimits.batchFutureMs)
    throw new IgnoreError('early', 'The batch was signed in the future')
}

/** Throws IgnoreError for a presence that is not of now: it tells who is alive, so it is held to the rule of claims. */
export function checkPresenceAge(
  sentAtMs: number,
  nowMs: number,
  timing: Pick<LeaseTiming, 'skewMs' | 'slotMs'>
): void {
  if (sentAtMs > nowMs + timing.skewMs)
    throw new IgnoreError('early', 'The presence was signed in the future')
  if (sentAtMs < nowMs - maximalClaimAgeMs(timing)) throw new IgnoreError('late', 'The presence is old')
}
