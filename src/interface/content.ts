import type { ExecutionRequest, OutputContent } from './execute.js'
import type { Job } from './job.js'

/** Where the inputs of jobs come from, and where their outputs go. */
export interface JobContent {
  /**
   * Throws JobFailedError for what is the job's own fault, ContentUnavailableError for what another worker may get; rejects
   * with the signal's reason.
   */
  resolveInput(job: Job, signal: AbortSignal): Promise<ExecutionRequest['input']>
  /**
   * Stores an output where the job wants it, and tells where it lies. Throws JobFailedError where it can never lie there,
   * ContentUnavailableError where it cannot now; rejects with the signal's reason.
   */
  storeOutput(job: Job, content: OutputContent, signal: AbortSignal): Promise<string>
}
