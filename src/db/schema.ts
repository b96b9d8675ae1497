import type { BatchOperation, Database } from '../interface/database.js'
import { DatabaseVersionError } from '../interface/errors.js'
import { Bucket } from './buckets.js'
import { bucketKey, bucketRange } from './keys.js'
import { decodeRecord, encodeRecord } from './record.js'
import { signedClaimKey } from './repositories/signed-claim.js'

/** Value of `schema` in the bucket `meta`. */
interface Schema {
  version: number
}

/** One step to a newer layout. */
export interface Migration {
  /** The layout that this step makes, from the one before. */
  to: number
  /**
   * What to write. All of it goes into one batch with the new version, so a crash leaves the old layout or the new one.
   * Depends on nothing but what is stored, and changes nothing when it is done twice: the records of a damaged database may
   * be of the newer layout already.
   */
  operations(database: Database): AsyncIterable<BatchOperation>
}

/** In their order. Never changed once released: a later layout gets a step of its own. */
export const migrations: Migration[] = [
  // 1 is the layout of version 0.1.0, which wrote no version.
  { to: 2, operations: addSignedClaims }
]

const schemaKey = bucketKey(Bucket.meta, new TextEncoder().encode('schema'))
const UNVERSIONED = 1

/** The signing history was only in the latest lease of each job. */
async function* addSignedClaims(database: Database): AsyncIterable<BatchOperation> {
  for await (const [, bytes] of database.entries(bucketRange(Bucket.ownLeases))) {
    const { lease } = decodeRecord<{ lease: { job: string; startMs: number } }>(bytes, 'lease')
    const { job, startMs } = lease
    const value = encodeRecord({ job, startMs, source: 'self' })
    yield { type: 'put', key: signedClaimKey(startMs, job), value }
  }
}

/**
 * Brings a database to the newest layout, step by step, each of them all or nothing. A new one gets the newest at once.
 *
 * @returns the layout that was found; undefined for a database without content
 * @throws DatabaseVersionError for a layout that is newer than this program
 */
export async function migrate(
  database: Database,
  path: string,
  steps: Migration[] = migrations
): Promise<number | undefined> {
  const newest = steps.at(-1)?.to ?? UNVERSIONED
  const found = await storedVersion(database)
  if (found !== undefined && found > newest) throw new DatabaseVersionError(path, found, newest)
  if (found === undefined) await database.batch([versionOf(newest)], { sync: true })
  for (const step of steps) {
    if (step.to <= (found ?? newest)) continue
    const operations: BatchOperation[] = []
    for await (const operation of step.operations(database)) operations.push(operation)
    await database.batch([...operations, versionOf(step.to)], { sync: true })
  }
  return found
}

async function storedVersion(database: Database): Promise<number | undefined> {
  const bytes = await database.get(schemaKey)
  if (bytes !== undefined) return decodeRecord<Schema>(bytes, 'schema version').version
  for await (const _ of database.entries({ gte: new Uint8Array(), lt: Uint8Array.of(0xff), limit: 1 })) {
    return UNVERSIONED
  }
  return undefined
}

const versionOf = (version: number): BatchOperation => ({
  type: 'put',
  key: schemaKey,
  value: encodeRecord({ version } satisfies Schema)
})
