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

/** The open jobs that this sequencer announces. */
export function jobRepository(database: Database): Repository<JobKey, JobReference> {
  return createRepository(database, {
    bucket: Bucket.jobs,
    what: 'job',
    encodeId: key => fromString(key, 'hex'),
    toStored: referenceToStored,
    fromStored: referenceFromStored
  })
}
