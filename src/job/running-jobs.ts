import type { JobKey } from '../interface/bytes.js'
import type { Clock } from '../interface/clock.js'

/** The work on jobs that is under way, each with a signal that ends it. */
export interface RunningJobs {
  /**
   * Starts work on a job. If earlier work on it has been aborted and is still ending, it starts after that: a job that was
   * lost and won back must not run twice at a time here. `work` must not reject.
   */
  start(job: JobKey, work: (signal: AbortSignal) => Promise<void>): void
  /** Asks the work on a job to end. Does nothing where there is none. */
  abort(job: JobKey): void
  abortAll(): void
  /** Work that has not ended, aborted or not. */
  readonly size: number
  /** Resolves when nothing runs, or after `timeoutMs`. */
  idle(timeoutMs: number): Promise<void>
}

export interface RunningJobsInit {
  /** Some work has ended: there is room for more. */
  onEnded(): void
}

export function runningJobs({ onEnded }: RunningJobsInit): (components: { clock: Clock }) => RunningJobs {
  return ({ clock }) => {
    const latest = new Map<JobKey, { aborter: AbortController; ended: Promise<void> }>()
    let size = 0
    let onIdle: () => void = () => {}

    return {
      start(job, work) {
        const before = latest.get(job)
        before?.aborter.abort()
        const aborter = new AbortController()
        size++
        const entry = {
          aborter,
          ended: (before?.ended ?? Promise.resolve())
            .then(() => work(aborter.signal))
            .finally(() => {
              size--
              if (latest.get(job) === entry) latest.delete(job)
              if (size === 0) onIdle()
              onEnded()
            })
        }
        latest.set(job, entry)
      },
      abort: job => latest.get(job)?.aborter.abort(),
      abortAll() {
        for (const { aborter } of latest.values()) aborter.abort()
      },
      get size() {
        return size
      },
      async idle(timeoutMs) {
        if (size === 0) return
        const { promise, resolve } = Promise.withResolvers<void>()
        onIdle = resolve
        const timer = clock.schedule(timeoutMs, resolve)
        await promise
        timer.cancel()
      }
    }
  }
}
