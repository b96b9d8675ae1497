import type { Address, Hex, PeerKey } from './bytes.js'
import type { Job, JobReference, JobStatus } from './job.js'
import type { ContractRead } from './task.js'

/** What the chain says of a job that a peer announced. */
export type JobVerdict =
  /** The log is on chain as announced. `status` says whether the job is still open. */
  | { kind: 'found'; job: Job; status: JobStatus }
  /** The chain holds no such log (now): a lie, a reorg, or a node that lags. */
  | { kind: 'missing'; reason: string }

/** Reads of the chain. All are batched into as few requests as the endpoint takes, and throw ChainUnavailableError. */
export interface ChainReader {
  /** One verdict for each reference, in order. */
  verifyJobs(references: JobReference[], signal?: AbortSignal): Promise<JobVerdict[]>
  /** One status for each id, in order. */
  jobStatuses(jobIds: bigint[], signal?: AbortSignal): Promise<JobStatus[]>
  /** The peer key that each account names in the registry; undefined where it is not registered. */
  peerKeysOf(accounts: Address[], signal?: AbortSignal): Promise<(PeerKey | undefined)[]>
  /** Whether what is asked is answered: while it is not, nothing can be held against those about whom nothing is known. Default: it is. */
  isAnswering?(): boolean
}

/** Reads of contracts that strangers wrote, as a task needs them to run a job. */
export interface ContractReader {
  /**
   * One ABI-encoded answer for each call, in order, as the contracts stood at the end of the block; of the latest block where
   * the endpoint has no state of that one. Throws JobFailedError (InvalidInput) for a contract that does not answer
   * within the limits of gas and size, ChainUnavailableError where the endpoint does not.
   */
  readContracts(reads: ContractRead[], blockHash: Hex, signal: AbortSignal): Promise<Uint8Array[]>
}

/** IOracle.SubmissionStatus */
export const SubmissionStatus = {
  Accepted: 0,
  UnknownJob: 1,
  AlreadyFinal: 2,
  WrongRequest: 3,
  PastDeadline: 4,
  OutputTooLarge: 5,
  ReasonTooLarge: 6
} as const
export type SubmissionStatus = (typeof SubmissionStatus)[keyof typeof SubmissionStatus]

/** How one submission ended. */
export type SubmissionOutcome =
  /** Mined, and it finalised the job. */
  | { kind: 'accepted'; txHash: Hex; blockNumber: number }
  /** The chain would not take it, or did not: someone else was first, the request is gone, … */
  | { kind: 'refused'; status: SubmissionStatus; txHash: Hex | undefined }
