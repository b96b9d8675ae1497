import type { OutboxItem } from '../db/repositories/outbox.js'
import type { SubmissionOutcome, SubmissionStatus } from '../interface/chain.js'
import type { Clock } from '../interface/clock.js'
import type { EmitEvent } from '../interface/events.js'
import type { Logger } from '../interface/logger.js'
import type { Result } from '../interface/result.js'
import type { SubmitterHandlers } from '../interface/submit.js'
import type { Ledger } from './ledger.js'
import { replacementOf } from './replacement.js'

export interface Reporter {
  /**
   * Tells the owner how an item ended, unless it has been told. `isLast`: no transaction holds it, so nothing can change.
   * `replaced`: its result was not taken as it is; another, in its place, is stored and waits.
   */
  report(
    item: OutboxItem,
    outcome: SubmissionOutcome,
    options: { isLast: boolean }
  ): Promise<'told' | 'replaced'>
}

export function reporter({
  ledger,
  clock,
  emit,
  handlers,
  store,
  log
}: {
  ledger: Ledger
  clock: Clock
  emit: EmitEvent
  handlers: SubmitterHandlers
  /** Stores a result that the chain has not decided on. */
  store(result: Result): Promise<void>
  log: Logger
}): Reporter {
  async function replace(result: Result, status: SubmissionStatus): Promise<boolean> {
    const replacement = replacementOf(result, status)
    if (replacement === undefined) return false
    const { job, jobId, requestHash } = result
    log.warn({ jobId, status }, 'The Oracle does not take a result as it is: sending another in its place')
    emit({ type: 'submission:refused', job, jobId, atMs: clock.now(), status })
    await store(replacement)
    ledger.drop(requestHash)
    ledger.add(replacement, clock.steadyMs())
    return true
  }

  return {
    async report(item, outcome, { isLast }) {
      const result = await ledger.result(item)
      if (outcome.kind === 'refused' && result !== undefined && (await replace(result, outcome.status))) {
        return 'replaced'
      }
      const reported = ledger.markReported(item.requestHash)
      // Before the owner is told, who may queue it again.
      if (isLast) ledger.drop(item.requestHash)
      if (reported === undefined) return 'told'
      const { job, jobId } = reported
      const about = { job, jobId, atMs: clock.now() }
      if (outcome.kind === 'accepted') emit({ type: 'submission:accepted', txHash: outcome.txHash, ...about })
      else emit({ type: 'submission:refused', status: outcome.status, ...about })
      if (result === undefined) {
        // The chain has decided all the same; only the owner's books miss it.
        log.error(
          { job, jobId: jobId.toString() },
          'The result of a submitted job is not in the database any more'
        )
        return 'told'
      }
      try {
        handlers.onOutcome({ ...result, job }, outcome)
      } catch (err) {
        log.error({ err, job }, 'The outcome of a submission could not be handled')
      }
      return 'told'
    }
  }
}
