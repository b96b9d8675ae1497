import type { BatchOperation, Database } from '../../interface/database.js'
import type { Bucket } from '../buckets.js'
import { bucketKey, bucketRange } from '../keys.js'
import { decodeRecord, encodeRecord } from '../record.js'

/** What a repository says of its bucket. `Stored` is plain JSON. */
export interface RepositoryInit<Id, Value, Stored> {
  bucket: Bucket
  /** For errors: `lease`. */
  what: string
  encodeId(id: Id): Uint8Array
  toStored(value: Value): Stored
  fromStored(stored: Stored): Value
}

/** Typed access to one bucket. The operations can be put together with those of other buckets in one batch. */
export interface Repository<Id, Value> {
  get(id: Id): Promise<Value | undefined>
  /** All values, in the order of their keys. */
  values(): AsyncIterable<Value>
  put(id: Id, value: Value): BatchOperation
  del(id: Id): BatchOperation
}

export function createRepository<Id, Value, Stored>(
  database: Database,
  { bucket, what, encodeId, toStored, fromStored }: RepositoryInit<Id, Value, Stored>
): Repository<Id, Value> {
  return {
    async get(id) {
      const bytes = await database.get(bucketKey(bucket, encodeId(id)))
      return bytes === undefined ? undefined : fromStored(decodeRecord<Stored>(bytes, what))
    },
    async *values() {
      for await (const [, bytes] of database.entries(bucketRange(bucket))) {
        yield fromStored(decodeRecord<Stored>(bytes, what))
      }
    },
    put: (id, value) => ({
      type: 'put',
      key: bucketKey(bucket, encodeId(id)),
      value: encodeRecord(toStored(value))
    }),
    del: id => ({ type: 'del', key: bucketKey(bucket, encodeId(id)) })
  }
}
