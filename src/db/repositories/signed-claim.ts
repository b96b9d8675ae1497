import { fromString } from 'uint8arrays/from-string'
import type { JobKey } from '../../interface/bytes.js'
import type { BatchOperation, Database } from '../../interface/database.js'
import { Bucket } from '../buckets.js'
import { bucketKey } from '../keys.js'
import { decodeRecord, encodeRecord } from '../record.js'

/** A claim that this node's key signed. Two of them for one job in one slot would be equivocation. */
export interface SignedClaim {
  job: JobKey
  /** ms since the epoch. */
  startMs: number
  /** By this database's node, or heard from peers: then an older copy of the data was restored, or a twin runs. */
  source: 'self' | 'peers'
}

/** The signing history: by time, so that it is read and pruned from an end without a scan. */
export interface SignedClaims {
  get(job: JobKey, startMs: number): Promise<SignedClaim | undefined>
  put(claim: SignedClaim): BatchOperation
  /** Those that start at `fromMs` or later, ascending by start. */
  since(fromMs: number): AsyncIterable<SignedClaim>
}

const what = 'signed claim'

/** The key of a claim's place in time. */
export function signedClaimKey(startMs: number, job: JobKey = ''): Uint8Array {
  const jobId = fromString(job, 'hex')
  const id = new Uint8Array(8 + jobId.length)
  new DataView(id.buffer).setBigUint64(0, BigInt(Math.max(0, Math.floor(startMs))))
  id.set(jobId, 8)
  return bucketKey(Bucket.signedClaims, id)
}

export function signedClaimRepository(database: Database): SignedClaims {
  return {
    async get(job, startMs) {
      const bytes = await database.get(signedClaimKey(startMs, job))
      return bytes === undefined ? undefined : decodeRecord<SignedClaim>(bytes, what)
    },
    put: claim => ({
      type: 'put',
      key: signedClaimKey(claim.startMs, claim.job),
      value: encodeRecord(claim)
    }),
    async *since(fromMs) {
      const range = { gte: signedClaimKey(fromMs), lt: Uint8Array.of(Bucket.signedClaims + 1) }
      for await (const [, bytes] of database.entries(range)) yield decodeRecord<SignedClaim>(bytes, what)
    }
  }
}
