import type { Hex, JobKey } from './bytes.js'
import type { FailureCode } from './errors.js'

/** How a result came about; submitted with it. */
export interface Receipt {
  /** `native` (onnxruntime-node) or `canonical` (single-thread WASM). */
  runtime: string
  /** Version of that runtime. */
  runtimeVersion: string
  /** CID of the manifest that was run. */
  manifest: string
  cpu: string
  /** SHA-256 of the output bytes. */
  outputHash: Hex
}

/** The outcome of one execution: ABI-encoded output, or a coded failure that any worker would reach. */
export type Outcome =
  | { success: true; output: Hex; receipt: Receipt }
  | { success: false; code: FailureCode; reason: string; receipt: Receipt | undefined }

/** The outcome of a job, stored before anything is sent. */
export interface Result {
  job: JobKey
  jobId: bigint
  requestHash: Hex
  outcome: Outcome
  startedAtMs: number
  finishedAtMs: number
}

/** News, spread by gossip and checked on the chain before it is believed, that a job is final. */
export interface ResultNotice {
  job: JobKey
  jobId: bigint
  txHash: Hex
}
