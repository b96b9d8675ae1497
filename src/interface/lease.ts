import type { JobKey, PeerKey } from './bytes.js'
import type { JobReference } from './job.js'

/**
 * A worker's signed, expiring claim on one job. A renewal has the same `startMs` and a higher `sequence`;
 * the lease with the highest sequence stands for its (job, worker, start).
 */
export interface Lease {
  job: JobKey
  worker: PeerKey
  /**
   * The claimant's clock at its claim, ms since the epoch; receivers refuse a start that is not near their own clock.
   * The slot is `floor(startMs / slotMs)`.
   */
  startMs: number
  expiresMs: number
  /** 0 for the claim, then one more for each renewal and for the release. */
  sequence: number
  /** Set by the last lease of a series: the claimant gives the job up. */
  release: ReleaseReason | undefined
}

/** Proof that one worker claimed one job twice in one slot. Whoever has it can check it alone. */
export interface EquivocationProof {
  leases: [Lease, Lease]
  /** The signed batches that hold the leases, in the same order, as they were sent. */
  envelopes: [Uint8Array, Uint8Array]
}

/** Why a worker gave up a lease. Part of the wire format: append, never reorder. */
export const ReleaseReason = { Done: 1, Lost: 2, Failed: 3, ShuttingDown: 4, Orphaned: 5 } as const
export type ReleaseReason = (typeof ReleaseReason)[keyof typeof ReleaseReason]

/** An open job, checked against the chain, that this worker may claim sooner or later. */
export interface Candidate {
  reference: JobReference
  /** CID of its manifest; undefined where its location names none. */
  model: string | undefined
  /** The job cannot be finalised after it. */
  deadlineMs: number
}

/** What a worker says of itself, every `presenceIntervalMs`. Signed by its peer key. */
export interface Presence {
  worker: PeerKey
  /** Counts only if the registry binds this account to `worker`. */
  account: `0x${string}`
  /** Manifest CIDs that the worker can run now. */
  models: string[]
  /** How many jobs it runs at once. */
  capacity: number
  /** How many it holds now. At `capacity` or above it is full, and others rank without it. */
  load: number
  sentAtMs: number
  /** Most workers' presence comes early or late here: this worker's clock is wrong, or the network slow. Undefined: it does not. */
  isOutOfTime?: true
}

/** The timing of the lease protocol. See docs/protocol.md. */
export interface LeaseTiming {
  /** Δ: width of a slot and the wait between two ranks. Must exceed delivery time + 2ε. */
  slotMs: number
  /** ε: how far a lease's start may be from a receiver's clock. */
  skewMs: number
  /** L: how long a claim or renewal holds. Renewed at a third of it. */
  leaseMs: number
  presenceIntervalMs: number
}
