import { fromString } from 'uint8arrays/from-string'
import type { JobKey } from '../../interface/bytes.js'
import type { Database } from '../../interface/database.js'
import type { Candidate, Lease, ReleaseReason } from '../../interface/lease.js'
import { Bucket } from '../buckets.js'
import { referenceFromStored, referenceToStored } from './job.js'
import { createRepository, type Repository } from './repository.js'

/** The latest lease that this node signed for a job, with what it needs to take the job up again after a restart. */
export interface OwnLease extends Candidate {
  lease: Lease
}

type StoredLease = Omit<Lease, 'release'> & { release: ReleaseReason | null }

export function ownLeaseRepository(database: Database): Repository<JobKey, OwnLease> {
  return createRepository(database, {
    bucket: Bucket.ownLeases,
    what: 'lease',
    encodeId: key => fromString(key, 'hex'),
    toStored: ({ reference, model, deadlineMs, lease }: OwnLease) => ({
      reference: referenceToStored(reference),
      model: model ?? null,
      deadlineMs,
      lease: { ...lease, release: lease.release ?? null } satisfies StoredLease
    }),
    fromStored: ({ reference, model, deadlineMs, lease }) => ({
      reference: referenceFromStored(reference),
      model: model ?? undefined,
      deadlineMs,
      lease: { ...lease, release: lease.release ?? undefined }
    })
  })
}
