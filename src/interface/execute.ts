import type { Job } from './job.js'
import type { Outcome } from './result.js'
import type { Startable } from './startable.js'

/** One run of a model. The input is still in its ABI encoding: it is decoded in the child process. */
export interface ExecutionRequest {
  job: Pick<Job, 'key' | 'category' | 'seed' | 'outputFormat'>
  /** CID of the manifest. */
  manifest: string
  /** `abi`: the ABI-encoded input. `content`: the bytes that lay at the input's location. */
  input: { encoding: 'abi' | 'content'; bytes: Uint8Array }
}

/** Runs models where they cannot harm the node. */
export interface Executor extends Startable {
  /**
   * Resolves with a coded failure for whatever is the job's own fault (input, model, time, memory).
   * Rejects only if it was aborted (with the signal's reason), the executor is stopped, or this machine cannot run the
   * model (ProcessError: files missing, child does not start). Then nothing is known of the job.
   */
  execute(request: ExecutionRequest, options: { signal: AbortSignal }): Promise<Outcome>
}

/** Which models this worker can run. */
export interface ModelCatalog {
  /** Manifest CIDs that it can run. */
  models(): string[]
  /** Whether this version has the task of a ModelCategory at all. */
  knowsTask(category: number): boolean
  /** The CID that a job's manifest location names, whether or not it can be run; undefined if it names none. */
  resolve(manifestLocation: string): string | undefined
}
