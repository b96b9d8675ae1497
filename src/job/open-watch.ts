import type { JobKey } from '../interface/bytes.js'
import type { ChainReader } from '../interface/chain.js'
import type { Clock, Timer } from '../interface/clock.js'
import { type JobReference, JobStatus } from '../interface/job.js'
import type { Logger } from '../interface/logger.js'

/** Between two looks. Each is one call of the chain for 500 jobs, so 100,000 waiting jobs are gone through in 50 minutes. */
const LOOK_MS = 15_000
/** Jobs of one look: the ids that one call of the Oracle takes. */
const LOOK_JOBS = 500
/** A job of which the chain was asked less long ago than this is not looked at. */
const MIN_AGE_MS = 30_000

export interface OpenWatchInit {
  /** The open jobs, and when, by a steady clock, the chain last said that each is. */
  open(): Iterable<{ candidate: { reference: JobReference }; checkedMs: number }>
  /** The chain said now that it is open. */
  onOpen(job: JobKey): void
  onFinal(job: JobKey): void
  onGone(reference: JobReference): void
}

export interface OpenWatchComponents {
  chain: Pick<ChainReader, 'jobStatuses' | 'verifyJobs'>
  clock: Clock
  logger: Logger
}

/**
 * Looks in the background whether open jobs still are. News of a final job can be lost, and nobody tells of a job that a
 * reorg has orphaned: those whose turn never comes here would stay for ever.
 */
export interface OpenWatch {
  start(): void
  /** A job was taken in. If an earlier one has its id, at most one of them is on the chain: the earlier is looked at now. */
  onAdded(reference: JobReference): void
  onRemoved(reference: JobReference): void
  stop(): void
}

export function openWatch(init: OpenWatchInit): (components: OpenWatchComponents) => OpenWatch {
  return ({ chain, clock, logger }) => {
    const aborter = new AbortController()
    const byId = new Map<bigint, JobReference>()
    let timer: Timer | undefined

    /** Only the receipt tells whether a job id is still the same request's. */
    async function verify(references: JobReference[]): Promise<void> {
      if (references.length === 0) return
      const verdicts = await chain.verifyJobs(references, aborter.signal)
      for (const [index, reference] of references.entries()) {
        const verdict = verdicts[index]
        if (verdict === undefined) continue
        if (verdict.kind === 'missing') init.onGone(reference)
        else if (verdict.status === JobStatus.Open) init.onOpen(reference.key)
        else if (verdict.status !== JobStatus.None) init.onFinal(reference.key)
      }
    }

    async function look(): Promise<void> {
      const oldestMs = clock.steadyMs() - MIN_AGE_MS
      const due = [...init.open()].filter(({ checkedMs }) => checkedMs <= oldestMs)
      due.sort((a, b) => a.checkedMs - b.checkedMs)
      const references = due.slice(0, LOOK_JOBS).map(({ candidate }) => candidate.reference)
      if (references.length === 0) return
      const statuses = await chain.jobStatuses(
        references.map(({ jobId }) => jobId),
        aborter.signal
      )
      const unknown: JobReference[] = []
      for (const [index, reference] of references.entries()) {
        const status = statuses[index]
        if (status === JobStatus.Open) init.onOpen(reference.key)
        else if (status === JobStatus.None) unknown.push(reference)
        else if (status !== undefined) init.onFinal(reference.key)
      }
      await verify(unknown)
    }

    function orLog(work: Promise<void>): Promise<void> {
      return work.catch(err => {
        if (!aborter.signal.aborted) logger.debug({ err }, 'open jobs could not be checked; trying again')
      })
    }

    function next(): void {
      timer = clock.schedule(LOOK_MS, () => {
        orLog(look()).then(() => {
          if (!aborter.signal.aborted) next()
        })
      })
    }

    return {
      start() {
        if (timer === undefined) next()
      },
      onAdded(reference) {
        const earlier = byId.get(reference.jobId)
        byId.set(reference.jobId, reference)
        if (earlier !== undefined && earlier.key !== reference.key) void orLog(verify([earlier]))
      },
      onRemoved({ key, jobId }) {
        if (byId.get(jobId)?.key === key) byId.delete(jobId)
      },
      stop() {
        aborter.abort()
        timer?.cancel()
      }
    }
  }
}
