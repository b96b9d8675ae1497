import type { JobKey } from '../interface/bytes.js'
import type { JobReference } from '../interface/job.js'
import { syncLimits } from './limits.js'

/** Buckets of the index: by the first byte of a key. 100,000 jobs are 390 in each. */
export const bucketCount = 256
/** Bytes of one bucket's digest: its count (4) and the exclusive or of a part of its keys (8). */
export const bucketDigestBytes = 12
/** Bytes of a key by which the two sides of a conversation name a job that both know. */
export const shortIdBytes = 8

/** The open jobs that a node knows, in buckets, each with a digest that equal sets have in common. */
export interface JobIndex {
  add(reference: JobReference): void
  /** Takes a job out. `isFinal`: others that ask for it are told so. */
  remove(job: JobKey, isFinal?: boolean): void
  has(job: JobKey): boolean
  readonly size: number
  /** 8 bytes. */
  digest(): Uint8Array
  /** `bucketCount` times `bucketDigestBytes`. */
  digests(): Uint8Array
  bucket(number: number): Iterable<JobReference>
  /** How many jobs a bucket has. */
  countOf(number: number): number
  /** The short ids of a bucket's jobs, one after the other. */
  shortIds(number: number): Uint8Array
  /** The jobs that a short id, as hex digits, stands for. */
  named(shortId: string): JobReference[]
  wasFinal(shortId: string): boolean
}

interface Bucket {
  jobs: Map<JobKey, JobReference>
  high: number
  low: number
}

export function jobIndex(): JobIndex {
  const buckets: Bucket[] = Array.from({ length: bucketCount }, () => ({ jobs: new Map(), high: 0, low: 0 }))
  const closed = new Set<string>()
  let size = 0

  function bucketOf(job: JobKey): Bucket {
    const bucket = buckets[hexNumber(job, 0, 2)]
    if (bucket === undefined) throw new RangeError(`${job} is not a job key`)
    return bucket
  }

  /** Bytes 8 to 16 of the key: others than those by which jobs are sorted and named. */
  function toggle(bucket: Bucket, job: JobKey): void {
    bucket.high = (bucket.high ^ hexNumber(job, 16, 24)) >>> 0
    bucket.low = (bucket.low ^ hexNumber(job, 24, 32)) >>> 0
  }

  return {
    add(reference) {
      const bucket = bucketOf(reference.key)
      if (bucket.jobs.has(reference.key) || size >= syncLimits.indexJobs) return
      bucket.jobs.set(reference.key, reference)
      closed.delete(shortIdOf(reference.key))
      toggle(bucket, reference.key)
      size++
    },
    remove(job, isFinal = false) {
      const bucket = bucketOf(job)
      if (bucket.jobs.delete(job)) {
        toggle(bucket, job)
        size--
      }
      if (!isFinal) return
      closed.add(shortIdOf(job))
      if (closed.size <= syncLimits.closed) return
      const [oldest] = closed
      if (oldest !== undefined) closed.delete(oldest)
    },
    has: job => bucketOf(job).jobs.has(job),
    get size() {
      return size
    },
    digest() {
      let [high, low] = [0, 0]
      for (const bucket of buckets) {
        high ^= bucket.high
        low ^= bucket.low
      }
      const bytes = Buffer.alloc(8)
      bytes.writeUInt32BE(high >>> 0, 0)
      bytes.writeUInt32BE(low >>> 0, 4)
      return bytes
    },
    digests() {
      const bytes = Buffer.alloc(bucketCount * bucketDigestBytes)
      for (const [number, { jobs, high, low }] of buckets.entries()) {
        bytes.writeUInt32BE(jobs.size, number * bucketDigestBytes)
        bytes.writeUInt32BE(high, number * bucketDigestBytes + 4)
        bytes.writeUInt32BE(low, number * bucketDigestBytes + 8)
      }
      return bytes
    },
    bucket: number => buckets[number]?.jobs.values() ?? [],
    countOf: number => buckets[number]?.jobs.size ?? 0,
    shortIds(number) {
      const keys = [...(buckets[number]?.jobs.keys() ?? [])]
      return Buffer.from(keys.map(shortIdOf).join(''), 'hex')
    },
    named(shortId) {
      const jobs = buckets[Number.parseInt(shortId.slice(0, 2), 16)]?.jobs.values() ?? []
      return [...jobs].filter(({ key }) => key.startsWith(shortId))
    },
    wasFinal: shortId => closed.has(shortId)
  }
}

/** As `Number.parseInt(text.slice(from, to), 16)` of lowercase digits: each job is taken in and out once, by each node. */
function hexNumber(text: string, from: number, to: number): number {
  let value = 0
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at)
    value = value * 16 + (code <= 57 ? code - 48 : code - 87)
  }
  return value
}

export const shortIdOf = (job: JobKey): string => job.slice(0, 2 * shortIdBytes)
