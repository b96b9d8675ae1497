import { AbiCoder } from 'ethers'
import { resultRepository, type StoredResult } from '../db/repositories/result.js'
import { delay } from '../interface/abort.js'
import {
  type ChainReader,
  ChainUnavailableError,
  type Clock,
  type ContractReader,
  type Database,
  DatabaseWriteError,
  DataLocation,
  type EmitEvent,
  type Execution,
  type ExecutionRequest,
  type Executor,
  FailureCode,
  type Hex,
  type Job,
  type JobContent,
  JobFailedError,
  type JobReference,
  JobStatus,
  type Logger,
  type ModelCatalog,
  type Outcome,
  OutputFormat,
  ProcessError,
  type Result
} from '../interface/index.js'

/** Wait before a job is read again from a chain that does not answer, or a result is written again to a disk that is full. */
const RETRY_MS = 1_000

export interface JobRunnerInit {
  /** A chain that has not answered for so long is taken for out of reach from here: others may reach it. */
  patienceMs: number
}

export interface JobRunnerComponents {
  chain: Pick<ChainReader, 'verifyJobs'>
  /** Without `storeOutput`, jobs whose output goes elsewhere than on chain are left to others. */
  content: Pick<JobContent, 'resolveInput'> & Partial<JobContent>
  /** For tasks that read the chain's state. */
  contracts?: ContractReader | undefined
  executor: Executor
  catalog: ModelCatalog
  database: Database
  clock: Clock
  logger: Logger
  emit: EmitEvent
}

/** How a run ended. */
export type RunEnding =
  /** The result is on disk. */
  | { kind: 'done'; result: Result }
  /** The chain says that the job was finalised meanwhile. */
  | { kind: 'final' }
  /** The chain does not hold the job any more. */
  | { kind: 'gone' }

/** Takes a claimed job from the chain to a stored result. */
export interface JobRunner {
  /**
   * Waits for the chain, for `patienceMs` at most, and for a full disk as long as the lease holds. What is the job's own fault becomes a
   * failed result. Rejects if it is aborted, or if this node's own means fail: then nothing is known of the job.
   */
  run(reference: JobReference, signal: AbortSignal): Promise<RunEnding>
}

export function jobRunner({ patienceMs }: JobRunnerInit): (components: JobRunnerComponents) => JobRunner {
  return ({ chain, content, contracts, executor, catalog, database, clock, logger, emit }) => {
    const results = resultRepository(database)

    /** Before another try to read the chain. Rejects with what failed if it has been tried for too long. */
    async function waitForChain(err: unknown, sinceMs: number, signal: AbortSignal): Promise<void> {
      if (clock.steadyMs() - sinceMs >= patienceMs) throw err
      await delay(clock, RETRY_MS, signal)
    }

    async function readJob(reference: JobReference, signal: AbortSignal): Promise<Job | 'final' | 'gone'> {
      const sinceMs = clock.steadyMs()
      for (;;) {
        try {
          const [verdict] = await chain.verifyJobs([reference], signal)
          if (verdict?.kind !== 'found') return 'gone'
          return verdict.status === JobStatus.Open ? verdict.job : 'final'
        } catch (err) {
          signal.throwIfAborted()
          logger.debug(
            { err, jobId: reference.jobId },
            'a job could not be read from the chain; trying again'
          )
          await waitForChain(err, sinceMs, signal)
        }
      }
    }

    async function execute(job: Job, signal: AbortSignal): Promise<Result> {
      const startedAtMs = clock.now()
      const about = { job: job.key, jobId: job.jobId }
      emit({ type: 'execution:started', ...about, atMs: startedAtMs, manifest: job.manifestLocation })
      const outcome = await outcomeOf(job, signal)
      const finishedAtMs = clock.now()
      emit({
        type: 'execution:finished',
        ...about,
        atMs: finishedAtMs,
        success: outcome.success,
        code: outcome.success ? 0 : outcome.code,
        durationMs: finishedAtMs - startedAtMs
      })
      return { ...about, requestHash: job.requestHash, outcome, startedAtMs, finishedAtMs }
    }

    async function outcomeOf(job: Job, signal: AbortSignal): Promise<Outcome> {
      try {
        const model = servableModel(job)
        const input = await content.resolveInput(job, signal)
        const reads = await readState(job, model, input, signal)
        const { key, category, seed, outputFormat } = job
        const output = isContent(job) ? 'content' : 'abi'
        const execution = await executor.execute(
          { job: { key, category, seed, outputFormat }, manifest: model, input, reads, output },
          { signal }
        )
        return await stored(job, execution, signal)
      } catch (err) {
        if (!(err instanceof JobFailedError)) throw err
        return { success: false, code: err.failureCode, reason: err.message, receipt: undefined }
      }
    }

    /** The outcome with its output on chain: the location of what was stored elsewhere. */
    async function stored(job: Job, execution: Execution, signal: AbortSignal): Promise<Outcome> {
      if (!execution.success || execution.content === undefined) return execution
      if (content.storeOutput === undefined) {
        throw new ProcessError('This node stores no outputs, and the job wants its output stored')
      }
      const location = await content.storeOutput(job, execution.content, signal)
      const output = AbiCoder.defaultAbiCoder().encode(['string'], [location]) as Hex
      return { success: true, output, receipt: execution.receipt }
    }

    /** What the model must know of contracts, as they stood at the job's block. Waits for a chain that does not answer, for a while. */
    async function readState(
      { jobId, blockHash }: Job,
      model: string,
      input: ExecutionRequest['input'],
      signal: AbortSignal
    ): Promise<Uint8Array[] | undefined> {
      const reads = catalog.reads?.(model, input) ?? []
      if (reads.length === 0) return undefined
      if (contracts === undefined) {
        throw new ProcessError('This node was given no ContractReader, and a model needs to read contracts')
      }
      const sinceMs = clock.steadyMs()
      for (;;) {
        try {
          return await contracts.readContracts(reads, blockHash, signal)
        } catch (err) {
          signal.throwIfAborted()
          if (!(err instanceof ChainUnavailableError)) throw err
          logger.debug({ err, jobId }, 'contracts could not be read for a job; trying again')
          await waitForChain(err, sinceMs, signal)
        }
      }
    }

    /** Until the disk takes it. With the lease lost meanwhile, the result is another worker's to make. */
    async function store(result: Result, signal: AbortSignal): Promise<void> {
      for (;;) {
        try {
          await database.batch([results.put(result.requestHash, { result, settled: false })], { sync: true })
          return
        } catch (err) {
          if (!(err instanceof DatabaseWriteError)) throw err
          signal.throwIfAborted()
          logger.debug({ err, jobId: result.jobId }, 'a result could not be stored; trying again')
          await delay(clock, RETRY_MS, signal)
        }
      }
    }

    /**
     * A job that this worker claimed without having the model is one that nobody can run, unless the model is about to come, or
     * has just gone. Throws JobFailedError, ProcessError.
     */
    function servableModel({ category, manifestLocation }: Job): string {
      if (!catalog.knowsTask(category)) {
        throw new JobFailedError(FailureCode.UnknownTask, `No worker knows the task of category ${category}`)
      }
      const model = catalog.resolve(manifestLocation)
      if (model === undefined || !catalog.models().includes(model)) {
        if (model !== undefined && catalog.isComing?.(model)) {
          throw new ProcessError(
            `The model ${model} is being fetched: the job is left to others until it is here`
          )
        }
        throw new JobFailedError(
          FailureCode.UnknownModel,
          `No worker has the model ${manifestLocation.slice(0, 100)}`
        )
      }
      return model
    }

    return {
      async run(reference, signal) {
        const job = await readJob(reference, signal)
        if (job === 'final' || job === 'gone') return { kind: job }
        // A request that a reorg mined again has another key and the same request hash: its result stands.
        const earlier = await results.get(job.requestHash)
        const result =
          earlier !== undefined && stands(earlier)
            ? { ...earlier.result, job: job.key }
            : await execute(job, signal)
        await store(result, signal)
        return { kind: 'done', result }
      }
    }
  }
}

/** Whether the output of a job is a file that lies somewhere, and goes on chain as its location. */
function isContent({ outputLocation, outputFormat }: Job): boolean {
  return outputLocation !== DataLocation.OnChain || outputFormat !== OutputFormat.Raw
}

/** Failures that lie in the request itself: every run of it ends so. */
const LASTING_FAILURES: FailureCode[] = [
  FailureCode.InvalidInput,
  FailureCode.InputTooLarge,
  FailureCode.OutputTooLarge,
  FailureCode.Unsupported
]

/**
 * Whether a stored result answers the request for good. One that the chain has not decided on is never lost; of the
 * others, a failure by time, memory or a missing model may end otherwise today.
 */
function stands({ result: { outcome }, settled }: StoredResult): boolean {
  return !settled || outcome.success || LASTING_FAILURES.includes(outcome.code)
}
