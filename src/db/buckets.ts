/**
 * The buckets of the database: the first byte of every key. A number is never used again for something else.
 * Each comment says what lies there: Key -> Value. Values are described in the repository of the bucket.
 */
export const Bucket = {
  /** name -> what the database says of itself: `schema` -> Schema, `incarnation` -> Incarnation, `chain` -> first block, `probe` -> time of a trial write */
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
  cursors: 0x05,
  /** start in ms (8 bytes, big endian), JobKey -> SignedClaim: every claim that this node's key is known to have signed */
  signedClaims: 0x06,
  /** key of another bucket -> the bytes that could not be read there. Not a record: kept as found */
  quarantine: 0x07,
  /** job id (32 bytes), stamp (8 bytes), big endian -> TimelineSegment: what happened to the job, as seen from here */
  timeline: 0x08,
  /** stamp (8 bytes), job id (32 bytes), big endian -> nothing: the segments of `timeline` by age */
  timelineAges: 0x09
} as const
export type Bucket = (typeof Bucket)[keyof typeof Bucket]
