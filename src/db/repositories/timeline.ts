import type { BatchOperation, Database } from '../../interface/database.js'
import { DatabaseCorruptError } from '../../interface/errors.js'
import { Bucket } from '../buckets.js'
import { bucketKey, bucketRange } from '../keys.js'
import { decodeRecord, encodeRecord } from '../record.js'

/** Some events of one job, in their JSON form, that were written together. */
export interface TimelineSegment {
  /** When it was written, in µs since the epoch; unique, and ascending. */
  stamp: number
  events: unknown[]
}

export interface TimelineRepository {
  put(jobId: bigint, segment: TimelineSegment): BatchOperation[]
  del(jobId: bigint, stamp: number): BatchOperation[]
  /** The segments of a job after a stamp, oldest first. One that is damaged is left out: nothing depends on it. */
  segments(jobId: bigint, after: number): AsyncIterable<TimelineSegment>
  /** The segments of all jobs, oldest first. */
  ages(): AsyncIterable<{ jobId: bigint; stamp: number }>
  /** Of the newest segment; 0 where there is none. */
  newestStamp(): Promise<number>
}

const JOB_ID_BYTES = 32
const STAMP_BYTES = 8

export function timelineRepository(database: Database): TimelineRepository {
  const segmentKey = (jobId: bigint, stamp: number): Uint8Array =>
    bucketKey(Bucket.timeline, Buffer.concat([jobIdBytes(jobId), stampBytes(stamp)]))
  const ageKey = (jobId: bigint, stamp: number): Uint8Array =>
    bucketKey(Bucket.timelineAges, Buffer.concat([stampBytes(stamp), jobIdBytes(jobId)]))

  return {
    put: (jobId, { stamp, events }) => [
      { type: 'put', key: segmentKey(jobId, stamp), value: encodeRecord(events) },
      { type: 'put', key: ageKey(jobId, stamp), value: encodeRecord(null) }
    ],
    del: (jobId, stamp) => [
      { type: 'del', key: segmentKey(jobId, stamp) },
      { type: 'del', key: ageKey(jobId, stamp) }
    ],
    async *segments(jobId, after) {
      const range = { gte: segmentKey(jobId, after + 1), lt: segmentKey(jobId, Number.MAX_SAFE_INTEGER) }
      for await (const [key, value] of database.entries(range)) {
        const events = readEvents(value)
        if (events !== undefined) yield { stamp: readStamp(key, 1 + JOB_ID_BYTES), events }
      }
    },
    async *ages() {
      for await (const [key] of database.entries(bucketRange(Bucket.timelineAges))) {
        const id = Buffer.from(key.subarray(1 + STAMP_BYTES)).toString('hex')
        yield { jobId: BigInt(`0x${id}`), stamp: readStamp(key, 1) }
      }
    },
    async newestStamp() {
      for await (const [key] of database.entries({
        ...bucketRange(Bucket.timelineAges),
        reverse: true,
        limit: 1
      }))
        return readStamp(key, 1)
      return 0
    }
  }
}

function readEvents(value: Uint8Array): unknown[] | undefined {
  try {
    const events = decodeRecord<unknown>(value, 'timeline')
    return Array.isArray(events) ? events : undefined
  } catch (err) {
    if (err instanceof DatabaseCorruptError) return undefined
    throw err
  }
}

function jobIdBytes(jobId: bigint): Uint8Array {
  return Buffer.from(jobId.toString(16).padStart(2 * JOB_ID_BYTES, '0'), 'hex')
}

function stampBytes(stamp: number): Uint8Array {
  const bytes = Buffer.alloc(STAMP_BYTES)
  bytes.writeBigUInt64BE(BigInt(stamp))
  return bytes
}

function readStamp(key: Uint8Array, offset: number): number {
  return Number(new DataView(key.buffer, key.byteOffset).getBigUint64(offset))
}
