import { SubmissionStatus } from '../interface/chain.js'
import { FailureCode } from '../interface/errors.js'
import type { Outcome, Result } from '../interface/result.js'

/**
 * What takes the place of a result that the Oracle does not take as it is: its limits are its owner's to change, at any time.
 * Without it the job would stay open, and be run by one worker after the other, up to its deadline.
 *
 * @returns undefined where the refusal says something of the job, and not of the result
 */
export function replacementOf(result: Result, status: SubmissionStatus): Result | undefined {
  const outcome = replacementOutcome(result.outcome, status)
  return outcome && { ...result, outcome }
}

function replacementOutcome(outcome: Outcome, status: SubmissionStatus): Outcome | undefined {
  switch (status) {
    case SubmissionStatus.OutputTooLarge: {
      // Refused was the output, in a transaction of before a restart: this is what replaced it.
      if (!outcome.success) return outcome
      const sizeBytes = (outcome.output.length - 2) / 2
      return {
        success: false,
        code: FailureCode.OutputTooLarge,
        reason: `The output has ${sizeBytes} bytes, which is more than the Oracle takes`,
        receipt: outcome.receipt
      }
    }
    case SubmissionStatus.ReasonTooLarge:
      return outcome.success || outcome.reason === '' ? undefined : { ...outcome, reason: '' }
    default:
      return undefined
  }
}
