import type { JobKey } from '../interface/bytes.js'
import type { ChainReader } from '../interface/chain.js'
import type { Clock, Timer } from '../interface/clock.js'
import { JobStatus } from '../interface/job.js'
import type { Logger } from '../interface/logger.js'

/** How many job ids one look at the chain covers. */
const CHECK_BATCH = 500
/** News that cannot be checked now is kept up to this number; beyond it, the claim's own check has to find out. */
const MAX_PENDING = 20_000
/** The endpoint may be a block behind the one that the news came from. */
const RETRY_MS = [300, 1_000, 3_000]
const UNAVAILABLE_RETRY_MS = 1_000

export interface FinalityInit {
  onFinal(job: JobKey): void
}

export interface FinalityComponents {
  chain: Pick<ChainReader, 'jobStatuses'>
  clock: Clock
  logger: Logger
}

/** Checks on the chain what peers say of finished jobs, before it is believed. */
export interface Finality {
  /** Someone says that these jobs are final. */
  check(jobs: { job: JobKey; jobId: bigint }[]): void
  stop(): void
}

export function finality({ onFinal }: FinalityInit): (components: FinalityComponents) => Finality {
  return ({ chain, clock, logger }) => {
    const pending = new Map<JobKey, { jobId: bigint; attempts: number; notBeforeMs: number }>()
    const aborter = new AbortController()
    let timer: Timer | undefined
    let checking = false

    function run(): void {
      if (checking || pending.size === 0 || aborter.signal.aborted) return
      checking = true
      checkBatch()
        .catch(err => {
          if (!aborter.signal.aborted)
            logger.debug({ err }, 'finished jobs could not be checked; trying again')
          return UNAVAILABLE_RETRY_MS
        })
        .then(delayMs => {
          checking = false
          timer?.cancel()
          if (pending.size > 0 && !aborter.signal.aborted) timer = clock.schedule(delayMs, run)
        })
    }

    /** Resolves with the wait before the next look. */
    async function checkBatch(): Promise<number> {
      const nowMs = clock.steadyMs()
      const batch: [JobKey, { jobId: bigint; attempts: number }][] = []
      let nextMs = Number.POSITIVE_INFINITY
      for (const [job, entry] of pending) {
        // What has to wait does not hold up what came after it.
        if (entry.notBeforeMs > nowMs) nextMs = Math.min(nextMs, entry.notBeforeMs)
        else if (batch.length < CHECK_BATCH) batch.push([job, entry])
        else nextMs = nowMs
      }
      if (batch.length === 0) return Math.max(1, nextMs - nowMs)
      const statuses = await chain.jobStatuses(
        batch.map(([, { jobId }]) => jobId),
        aborter.signal
      )
      for (const [index, [job, { jobId, attempts }]] of batch.entries()) {
        const status = statuses[index]
        pending.delete(job)
        if (status === JobStatus.Succeeded || status === JobStatus.Failed) {
          onFinal(job)
          continue
        }
        const retryMs = RETRY_MS[attempts]
        if (retryMs === undefined) continue
        const notBeforeMs = clock.steadyMs() + retryMs
        nextMs = Math.min(nextMs, notBeforeMs)
        pending.set(job, { jobId, attempts: attempts + 1, notBeforeMs })
      }
      // What came meanwhile was not looked at.
      return Number.isFinite(nextMs) ? Math.max(0, nextMs - clock.steadyMs()) : 0
    }

    return {
      check(jobs) {
        for (const { job, jobId } of jobs) {
          if (pending.size >= MAX_PENDING) break
          if (!pending.has(job)) pending.set(job, { jobId, attempts: 0, notBeforeMs: 0 })
        }
        run()
      },
      stop() {
        aborter.abort()
        timer?.cancel()
      }
    }
  }
}
