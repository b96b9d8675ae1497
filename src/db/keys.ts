import { concat } from 'uint8arrays/concat'
import type { Bucket } from './buckets.js'

/** The key of `id` in a bucket. */
export function bucketKey(bucket: Bucket, id: Uint8Array): Uint8Array {
  return concat([Uint8Array.of(bucket), id])
}

/** The range that holds all keys of a bucket. */
export function bucketRange(bucket: Bucket): { gte: Uint8Array; lt: Uint8Array } {
  return { gte: Uint8Array.of(bucket), lt: Uint8Array.of(bucket + 1) }
}
