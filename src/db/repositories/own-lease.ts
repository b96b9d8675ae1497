import { fromString } from 'uint8arrays/from-string'
import type { JobKey } from '../../interface/bytes.js'
import type { Database } from '../../interface/database.js'
import type { JobReference } from '../../interface/job.js'
import type { Lease, ReleaseReason } from '../../interface/lease.js'
import { Bucket } from '../buckets.js'
import { referenceFromStored, referenceToStored } from './job.js'
import { createRepository, type Repository } from './repository.js'

/** The latest lease that this node signed for a job, with what it needs to take the job up again after a restart. */
export interface OwnLease {
  reference: JobReference
  lease: Lease
}

type StoredLease = Omit<Lease, 'release'> & { release: ReleaseReason | null }

export function ownLeaseRepository(database: Database): Repository<JobKey, OwnLease> {
  return createRepository(database, {
    bucket: Bucket.ownLeases,
    what: 'lease',
    encodeId: key => fromString(key, 'hex'),
    toStored: ({ reference, lease }: OwnLease) => ({
      reference: referenceToStored(reference),
      lease: { ...lease, release: lease.release ?? null } satisfies StoredLease
    }),
    fromStored: ({ reference, lease }) => ({
      reference: referenceFromStored(reference),
      lease: { ...lease, release: lease.release ?? undefined }
    })
  })
}
