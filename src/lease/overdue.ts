import { maximalLeaseMs } from '../interface/settings.js'

/**
 * Who has held a job for so long keeps others from it no longer: it may be one that claims and does nothing. As long as what makes
 * work count after a partition (witness.ts): sixty leases of 10 s, far above any model's run time of today.
 */
export const MAX_HOLD_MS = 600_000
/** Who claims again within this time after it was last heard to hold the job has held it all along. No lease is longer. */
const SAME_HOLD_MS = maximalLeaseMs

/** How long one worker has had a job, as far as this node heard. Of a claim that was heard once, as it was made, its start tells both. */
export interface Hold {
  /** Since when, in one claim or several that follow each other. */
  sinceMs: number
  /** When a lease of it was last heard, a release included. */
  heardMs: number
}

/** @param before the worker's other claims on the job */
export function holdOf(startMs: number, before: Hold[], nowMs: number): Hold {
  const going = before.filter(({ heardMs }) => heardMs >= nowMs - SAME_HOLD_MS)
  return { sinceMs: Math.min(startMs, ...going.map(({ sinceMs }) => sinceMs)), heardMs: nowMs }
}

export const isOverdue = (sinceMs: number, nowMs: number): boolean => nowMs - sinceMs >= MAX_HOLD_MS
