import type { JobKey, PeerKey } from '../interface/bytes.js'
import type { ChainReader } from '../interface/chain.js'
import type { Clock } from '../interface/clock.js'
import type { EmitEvent } from '../interface/events.js'
import type { Candidate, Lease, LeaseTiming } from '../interface/lease.js'
import type { Logger } from '../interface/logger.js'
import type { LeaseBook } from './lease-book.js'
import type { OwnLeases } from './own-leases.js'
import type { Roster } from './roster.js'

export interface ClaimerInit {
  self: PeerKey
  timing: LeaseTiming
  /** How long a job that no live worker can run waits before one of them fails it on chain. */
  unservedAfterMs: number
  /** Whether this worker can run a model. */
  canRun(model: string): boolean
  /** Whether this worker may have a model soon: then it does not claim a job to fail it. Default: none. */
  isComing?(model: string): boolean
  /** How many more jobs this worker has room for. */
  room(): number
  /** The job is this worker's, until `onLost`. If it cannot run the model, nobody can: the job is to be failed. */
  onAcquired(candidate: Candidate): void
  /** Another worker holds the job, or the lease ran out: work on it must stop. */
  onLost(job: JobKey): void
  /** The chain says that the job is final. */
  onFinal(job: JobKey): void
  /** The chain does not hold the job any more. */
  onGone(candidate: Candidate): void
  /** The deadline has passed: nobody can finish the job. */
  onPast(job: JobKey): void
  /** Whether a job that is not a candidate yet waits for its check, so that its leases are worth keeping. */
  isPending(job: JobKey): boolean
}

export interface ClaimerComponents {
  book: LeaseBook
  roster: Roster
  own: OwnLeases
  chain: Pick<ChainReader, 'verifyJobs'>
  clock: Clock
  logger: Logger
  emit: EmitEvent
}

/** Decides which open job this worker claims, and when (docs/protocol.md, "Claiming"). */
export interface Claimer {
  /** No claim is made before it: a worker that has not heard of the others yet would take itself for the best. */
  start(): void
  /** Claims no more. Resolves when the claims that were under way have been made or given up. */
  stop(): Promise<void>
  /** An open job that the chain confirmed just now. */
  add(candidate: Candidate): void
  /**
   * A job whose lease this node held before it was restarted, and still does. The lease is said again: perhaps nobody has heard of
   * it yet.
   */
  adopt(candidate: Candidate, lease: Lease): void
  /**
   * Validated leases of registered workers, and the signed bytes that they came in. Returns those by which their worker
   * is proven to have claimed a job twice in one slot.
   */
  onLeases(leases: Lease[], envelope?: Uint8Array): Lease[]
  /** A worker is heard again after a silence: what it claimed meanwhile counts from its start. */
  onHeard(worker: PeerKey): void
  /** A worker is not listened to any more: its leases are forgotten, and the jobs that it held are anyone's at once. */
  onShunned(worker: PeerKey): void
  /** This node's own lease ran out. */
  onExpired(job: JobKey): void
  /** This node's own means failed at the job: others may try. */
  onFailed(job: JobKey): void
  /** A worker joined, left, or has other models. */
  onRosterChange(): void
  /** There may be room again. */
  onRoom(): void
  /** The job is final or gone. */
  remove(job: JobKey): void
  get(job: JobKey): Candidate | undefined
  /** All open jobs, and when the chain last said so of each. */
  open(): Iterable<{ candidate: Candidate; checkedMs: number }>
  /** Notes that the chain says now that a job is open. */
  checked(job: JobKey): void
  /** How many open jobs are known. */
  size(): number
  /** How many of them wait for their turn here. */
  waiting(): number
}
