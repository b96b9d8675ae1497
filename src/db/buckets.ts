/**
 * The buckets of the database: the first byte of every key. A number is never used again for something else.
 * Each comment says what lies there: Key -> Value. Values are described in the repository of the bucket.
 */
export const Bucket = {
  /** - -> schema version */
  meta: 0x00,
  /** JobKey -> ReadJob: the jobs that a sequencer read and that are open, or were lately */
  jobs: 0x01,
  /** JobKey -> OwnLease: the latest lease that this node signed for the job */
  ownLeases: 0x02,
  /** request hash -> StoredResult */
  results: 0x03,
  /** account, nonce (8 bytes, big endian) -> OutboxEntry */
  outbox: 0x04,
  /** name -> Cursor: how far the subgraph has been read */
  cursors: 0x05
} as const
export type Bucket = (typeof Bucket)[keyof typeof Bucket]
