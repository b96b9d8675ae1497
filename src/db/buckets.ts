/**
 * The buckets of the database: the first byte of every key. A number is never used again for something else.
 * Each comment says what lies there: Key -> Value. Values are described in the repository of the bucket.
 */
export const Bucket = {
  /** - -> schema version */
  meta: 0x00,
  /** JobKey -> Job or JobReference: open jobs */
  jobs: 0x01,
  /** JobKey -> Lease: the latest lease that this node signed for the job */
  ownLeases: 0x02,
  /** JobKey -> Result */
  results: 0x03,
  /** nonce, big endian -> OutboxEntry */
  outbox: 0x04,
  /** name -> Cursor: how far the subgraph has been read */
  cursors: 0x05,
  /** JobKey -> count of executions begun here */
  executions: 0x06
} as const
export type Bucket = (typeof Bucket)[keyof typeof Bucket]
