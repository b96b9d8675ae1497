import type { Logger } from '../interface/logger.js'
import type { SubmitProblem } from '../interface/submit.js'

/** What keeps this account from submitting now. While there is anything, the worker claims nothing. */
export interface Problems {
  /** Logs a problem when it begins, and not again until it is over. */
  begin(problem: SubmitProblem, logIt: () => void): void
  /** Logs that a problem is over, if it was there. */
  end(problem: SubmitProblem): void
  has(problem: SubmitProblem): boolean
  /** Those that are there now. */
  all(): SubmitProblem[]
  isBlocked(): boolean
}

/** `onChange`: told each time that `isBlocked` changes. */
export function problems({ log, onChange }: { log: Logger; onChange(): void }): Problems {
  const current = new Set<SubmitProblem>()
  return {
    begin(problem, logIt) {
      if (current.has(problem)) return
      current.add(problem)
      logIt()
      if (current.size === 1) onChange()
    },
    end(problem) {
      if (!current.delete(problem)) return
      if (current.size > 0) {
        log.info({ problem, left: [...current] }, 'One reason not to submit is gone, others are left')
        return
      }
      log.info({ problem }, 'Submitting again, and claiming jobs')
      onChange()
    },
    has: problem => current.has(problem),
    all: () => [...current],
    isBlocked: () => current.size > 0
  }
}
