import type { SubmissionOutcome } from './chain.js'
import type { Result } from './result.js'
import type { Startable } from './startable.js'

/** Carries stored results to the chain, exactly once each, whatever crashes. */
export interface Submitter extends Startable {
  /** Queues a result that has been stored. Resolves at once; `onOutcome` tells how it ended. */
  enqueue(result: Result): void
  /**
   * False while nothing can be sent, for want of money, registration or cheap enough gas: then no work is to be taken up.
   * Where it is missing, it always can.
   */
  canSubmit?(): boolean
  /** Resolves when nothing is queued or unconfirmed, or after `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>
}

export interface SubmitterHandlers {
  /** Called once for each result, when the chain has decided. */
  onOutcome(result: Result, outcome: SubmissionOutcome): void
  /** `canSubmit` has changed. */
  onCanSubmit?(): void
}
