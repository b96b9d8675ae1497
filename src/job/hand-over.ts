import type { JobKey } from '../interface/bytes.js'
import type { Clock, Timer } from '../interface/clock.js'
import type { Candidate } from '../interface/lease.js'

export interface HandOverInit {
  /** How long a result may take to the chain. */
  afterMs: number
  /** It took longer: others should have the job. */
  onOverdue(candidate: Candidate): void
}

/**
 * Watches over jobs that have been run here and are not final. A holder that cannot reach the chain (no endpoint, no funds, a
 * transaction that nobody mines) would renew its lease up to the deadline, while others could finish the job.
 */
export interface HandOver {
  /** The result is on its way from now on. */
  start(candidate: Candidate): void
  /** The job is final, gone, or another's. */
  end(job: JobKey): void
  stop(): void
}

export function handOver({ afterMs, onOverdue }: HandOverInit): (components: { clock: Clock }) => HandOver {
  return ({ clock }) => {
    const timers = new Map<JobKey, Timer>()

    function end(job: JobKey): void {
      timers.get(job)?.cancel()
      timers.delete(job)
    }

    return {
      start(candidate) {
        const { key } = candidate.reference
        end(key)
        const timer = clock.schedule(afterMs, () => {
          timers.delete(key)
          onOverdue(candidate)
        })
        timers.set(key, timer)
      },
      end,
      stop() {
        for (const job of [...timers.keys()]) end(job)
      }
    }
  }
}
