import type { SubmissionOutcome } from './chain.js'
import type { Result } from './result.js'
import type { Startable } from './startable.js'

/** Why nothing can be submitted, or be begun that would have to be. */
export type SubmitProblem =
  | 'no funds'
  | 'gas price'
  | 'cost'
  | 'not registered'
  | 'another node'
  | 'unknown transactions'

/** How the submitter stands: for people and metrics. */
export interface SubmitterStatus {
  /** Results that wait to be sent. */
  waitingResults: number
  /** Transactions that no block holds yet. */
  pendingTransactions: number
  /** Empty while all is well. */
  problems: SubmitProblem[]
  /** The account as the chain last told of it; undefined before. */
  account: { balanceWei: bigint; blockNumber: number | undefined; atMs: number } | undefined
  /** What a success pays, in wei; undefined before it is known. */
  payWei: bigint | undefined
}

/** Carries stored results to the chain, exactly once each, whatever crashes. */
export interface Submitter extends Startable {
  /** Queues a result that has been stored. Resolves at once; `onOutcome` tells how it ended. */
  enqueue(result: Result): void
  /**
   * False while nothing can be sent, for want of money, registration or cheap enough gas: then no work is to be taken up.
   * Where it is missing, it always can.
   */
  canSubmit?(): boolean
  /** Of what is in memory: nothing is asked of the chain for it. */
  status?(): SubmitterStatus
  /** Resolves when nothing is queued or unconfirmed, or after `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>
}

export interface SubmitterHandlers {
  /** Called once for each result, when the chain has decided. */
  onOutcome(result: Result, outcome: SubmissionOutcome): void
  /** `canSubmit` has changed. */
  onCanSubmit?(): void
}
