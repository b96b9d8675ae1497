import { fromString } from 'uint8arrays/from-string'
import type { Hex } from '../../interface/bytes.js'
import type { Database } from '../../interface/database.js'
import type { Result } from '../../interface/result.js'
import { Bucket } from '../buckets.js'
import { createRepository, type Repository } from './repository.js'

/** A result and whether the chain has decided on it. Kept afterwards: a request that is mined again is not run again. */
export interface StoredResult {
  result: Result
  settled: boolean
}

/** By request hash, which stays the same when a reorg gives the job a new key. */
export function resultRepository(database: Database): Repository<Hex, StoredResult> {
  return createRepository(database, {
    bucket: Bucket.results,
    what: 'result',
    encodeId: requestHash => fromString(requestHash.slice(2), 'hex'),
    toStored: ({ result, settled }: StoredResult) => ({
      result: { ...result, jobId: result.jobId.toString() },
      settled
    }),
    fromStored: ({ result, settled }) => ({ result: { ...result, jobId: BigInt(result.jobId) }, settled })
  })
}
