import type { ResultNotice } from '../../interface/index.js'
import { InvalidMessageError } from '../../interface/index.js'
import { checkNotEmpty, decodePayload, hashBytes, readHash, readHex, writeHex } from '../fields.js'
import { ResultNotices } from '../messages.js'
import { RejectError } from './errors.js'
import { checkBatchAge } from './time.js'

const maxUint64 = 2n ** 64n - 1n

/** The notices of a batch. Throws RejectError or IgnoreError. */
export function validateResults(payload: Uint8Array, nowMs: number): ResultNotice[] {
  // Rule: the payload is a ResultNotices of at most 256 notices.
  const { sentAtMs, results } = decodePayload(ResultNotices, payload)

  // Rule: a batch holds at least one notice.
  checkNotEmpty(results)

  // Rule: each notice has values of their length and range.
  const notices = results.map(result => {
    if (result.jobId === 0n) throw new RejectError('value', 'jobId counts from 1')
    return {
      job: readHash(result.job, 'job'),
      jobId: result.jobId,
      txHash: readHex(result.txHash, hashBytes, 'txHash')
    }
  })

  // Rule: the batch was signed lately.
  checkBatchAge(sentAtMs, nowMs)
  return notices
}

/** Throws InvalidMessageError for a value that receivers would reject. */
export function encodeResults(notices: ResultNotice[], sentAtMs: number): Uint8Array {
  return ResultNotices.encode({
    sentAtMs,
    results: notices.map(({ job, jobId, txHash }) => {
      if (jobId < 1n || jobId > maxUint64) throw new InvalidMessageError(`jobId ${jobId} is not a uint64`)
      return {
        job: writeHex(job, hashBytes, 'job'),
        jobId,
        txHash: writeHex(txHash, hashBytes, 'txHash')
      }
    })
  })
}
