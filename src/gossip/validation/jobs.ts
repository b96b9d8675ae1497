import type { JobKey, JobReference } from '../../interface/index.js'
import { InvalidMessageError } from '../../interface/index.js'
import {
  checkNotEmpty,
  decodePayload,
  hashBytes,
  readHex,
  readInteger,
  writeHex,
  writeInteger
} from '../fields.js'
import { JobAnnouncements } from '../messages.js'
import { RejectError } from './errors.js'
import { checkBatchAge } from './time.js'

/** Computes the key of a job (docs/protocol.md, "Job identity"). */
export type JobKeyOf = (reference: Omit<JobReference, 'key'>) => JobKey

const maxUint64 = 2n ** 64n - 1n

/** The jobs of an announcement. Throws RejectError or IgnoreError. */
export function validateJobs(payload: Uint8Array, nowMs: number, jobKeyOf: JobKeyOf): JobReference[] {
  // Rule: the payload is a JobAnnouncements of at most 256 jobs.
  const { sentAtMs, jobs } = decodePayload(JobAnnouncements, payload)

  // Rule: a batch holds at least one job.
  checkNotEmpty(jobs)

  // Rule: each job has values of their length and range. Its key is computed here, so it cannot be a lie.
  const references = jobs.map(job => {
    if (job.jobId === 0n) throw new RejectError('value', 'jobId counts from 1')
    const reference = {
      jobId: job.jobId,
      blockNumber: readInteger(job.blockNumber, 0, Number.MAX_SAFE_INTEGER, 'blockNumber'),
      blockHash: readHex(job.blockHash, hashBytes, 'blockHash'),
      txHash: readHex(job.txHash, hashBytes, 'txHash'),
      logIndex: job.logIndex,
      dataHash: readHex(job.dataHash, hashBytes, 'dataHash')
    }
    return { key: jobKeyOf(reference), ...reference }
  })

  // Rule: the batch was signed lately. Last, so that a bad value is rejected at whatever time it comes.
  checkBatchAge(sentAtMs, nowMs)
  return references
}

/** Throws InvalidMessageError for a value that receivers would reject. */
export function encodeJobs(jobs: JobReference[], sentAtMs: number): Uint8Array {
  return JobAnnouncements.encode({
    sentAtMs,
    jobs: jobs.map(job => {
      if (job.jobId < 1n || job.jobId > maxUint64)
        throw new InvalidMessageError(`jobId ${job.jobId} is not a uint64`)
      return {
        jobId: job.jobId,
        blockNumber: writeInteger(job.blockNumber, Number.MAX_SAFE_INTEGER, 'blockNumber'),
        blockHash: writeHex(job.blockHash, hashBytes, 'blockHash'),
        txHash: writeHex(job.txHash, hashBytes, 'txHash'),
        logIndex: writeInteger(job.logIndex, 0xffff_ffff, 'logIndex'),
        dataHash: writeHex(job.dataHash, hashBytes, 'dataHash')
      }
    })
  })
}
