import { fromString } from 'uint8arrays/from-string'
import type { JobKey } from '../../interface/bytes.js'
import type { Database } from '../../interface/database.js'
import type { JobReference } from '../../interface/job.js'
import { Bucket } from '../buckets.js'
import { createRepository, type Repository } from './repository.js'

type StoredReference = Omit<JobReference, 'jobId'> & { jobId: string }

export const referenceToStored = (reference: JobReference): StoredReference => ({
  ...reference,
  jobId: reference.jobId.toString()
})

export const referenceFromStored = (stored: StoredReference): JobReference => ({
  ...stored,
  jobId: BigInt(stored.jobId)
})

/** A job that this sequencer read. Final ones are kept as long as a reorg may open them again. */
export interface ReadJob {
  reference: JobReference
  /** The block that made it final; undefined while it is open. */
  finalBlock: number | undefined
  /** After it nobody can finish the job; undefined where the subgraph did not say. */
  deadlineMs?: number | undefined
}

export function jobRepository(database: Database): Repository<JobKey, ReadJob> {
  return createRepository(database, {
    bucket: Bucket.jobs,
    what: 'job',
    encodeId: key => fromString(key, 'hex'),
    toStored: ({ reference, finalBlock, deadlineMs }: ReadJob) => ({
      reference: referenceToStored(reference),
      finalBlock: finalBlock ?? null,
      deadlineMs: deadlineMs ?? null
    }),
    fromStored: ({ reference, finalBlock, deadlineMs }) => ({
      reference: referenceFromStored(reference),
      finalBlock: finalBlock ?? undefined,
      // Not there in records of earlier versions.
      deadlineMs: deadlineMs ?? undefined
    })
  })
}
