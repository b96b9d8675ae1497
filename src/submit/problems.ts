import type { Logger } from '../interface/logger.js'

/** Why nothing can be submitted, or be begun that would have to be. */
export type Problem =
  | 'no funds'
  | 'gas price'
  | 'cost'
  | 'not registered'
  | 'another node'
  | 'unknown transactions'

/** What keeps this account from submitting now. While there is anything, the worker claims nothing. */
export interface Problems {
  /** Logs a problem when it begins, and not again until it is over. */
  begin(problem: Problem, logIt: () => void): void
  /** Logs that a problem is over, if it was there. */
  end(problem: Problem): void
  has(problem: Problem): boolean
  isBlocked(): boolean
}

/** `onChange`: told each time that `isBlocked` changes. */
export function problems({ log, onChange }: { log: Logger; onChange(): void }): Problems {
  const current = new Set<Problem>()
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
    isBlocked: () => current.size > 0
  }
}
