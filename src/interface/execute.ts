import type { Job } from './job.js'
import type { Outcome } from './result.js'
import type { Startable } from './startable.js'
import type { ContractRead } from './task.js'

/** One run of a model. The input is still in its ABI encoding: it is decoded in the child process. */
export interface ExecutionRequest {
  job: Pick<Job, 'key' | 'category' | 'seed' | 'outputFormat'>
  /** CID of the manifest. */
  manifest: string
  /** `abi`: the ABI-encoded input. `content`: the bytes that lay at the input's location. */
  input: { encoding: 'abi' | 'content'; bytes: Uint8Array }
  /** The answers to `Task.reads`, in order; for a task that has reads. */
  reads?: Uint8Array[] | undefined
  /**
   * `abi` (default): the output is ABI-encoded, to go on chain. `content`: it is a file, to be stored elsewhere; then
   * `Execution.content` holds it, and the outcome's `output` is empty.
   */
  output?: 'abi' | 'content' | undefined
  /** For a self-test: a run whose output, as a file, differs from this by more than the tolerance fails with ModelFailed. */
  expected?: { bytes: Uint8Array; tolerance: number } | undefined
}

/** An output as a file. */
export interface OutputContent {
  bytes: Uint8Array
  /** `image/png` */
  mediaType: string
}

/** The outcome of one run, before an output that is a file has been stored. */
export type Execution =
  | (Extract<Outcome, { success: true }> & { content?: OutputContent | undefined })
  | Extract<Outcome, { success: false }>

/** Runs models where they cannot harm the node. */
export interface Executor extends Startable {
  /**
   * Resolves with a coded failure for whatever is the job's own fault (input, model, time, memory).
   * Rejects only if it was aborted (with the signal's reason), the executor is stopped, or this machine cannot run the
   * model (ProcessError: files missing, child does not start). Then nothing is known of the job.
   */
  execute(request: ExecutionRequest, options: { signal: AbortSignal }): Promise<Execution>
}

/** Which models this worker can run. */
export interface ModelCatalog {
  /** Manifest CIDs that it can run. */
  models(): string[]
  /** Whether this version has the task of a ModelCategory at all. */
  knowsTask(category: number): boolean
  /**
   * What a run of the model needs to know of the chain's state. Throws JobFailedError for an input that the task does
   * not take. Without it, no model of this catalog needs any.
   */
  reads?(manifest: string, input: ExecutionRequest['input']): ContractRead[]
  /** The CID that a job's manifest location names, whether or not it can be run; undefined if it names none. */
  resolve(manifestLocation: string): string | undefined
  /**
   * Whether this worker may have a model soon, as it is being fetched: meanwhile it fails no job for want of the model. Bounded in
   * time by the catalog. Without it, no model comes.
   */
  isComing?(manifest: string): boolean
}
