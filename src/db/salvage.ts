import { cp, rename, rm, stat } from 'node:fs/promises'
import { ClassicLevel } from 'classic-level'
import type { BatchOperation, Database } from '../interface/database.js'
import type { Logger } from '../interface/logger.js'
import { Bucket } from './buckets.js'
import { createDatabase } from './database.js'
import { bucketRange } from './keys.js'
import { recordDamage } from './record.js'

/**
 * What is taken over from a damaged database: what exists nowhere else. Jobs and cursors are read again from the subgraph;
 * a cursor without the jobs before it would leave them out for ever.
 */
const PRECIOUS = [Bucket.results, Bucket.outbox, Bucket.ownLeases, Bucket.signedClaims, Bucket.quarantine]
/** The layout is kept with its records, so that they are migrated as they would have been. */
const SCHEMA_KEY = Uint8Array.from([Bucket.meta, ...new TextEncoder().encode('schema')])
const BATCH_RECORDS = 500

export interface Salvage {
  /** Where the damaged database lies now. It is never deleted. */
  asidePath: string
  /** Records taken over into the new database. */
  records: number
}

/**
 * Sets a damaged database aside and puts one in its place that holds what could be read of it, with valid checksums.
 * A crash at any step leaves either the damaged database, for the next start to try again, or the new one.
 */
export async function salvage(path: string, nowMs: number, logger: Logger): Promise<Salvage> {
  const copyPath = `${path}.repairing`
  const draftPath = `${path}.salvaging`
  await rm(copyPath, { recursive: true, force: true })
  await rm(draftPath, { recursive: true, force: true })

  // LevelDB repairs in place: on a copy, so that what is set aside stays as it was found.
  await cp(path, copyPath, { recursive: true })
  let records = 0
  const draft = await createDatabase(draftPath)
  try {
    records = await takeOver(copyPath, draft, logger)
  } finally {
    await draft.close()
  }
  await rm(copyPath, { recursive: true, force: true })

  const asidePath = await freeName(`${path}.corrupt-${new Date(nowMs).toISOString().replace(/[:.]/g, '-')}`)
  await rename(draftPath, salvagedPath(path))
  await rename(path, asidePath)
  await rename(salvagedPath(path), path)
  return { asidePath, records }
}

/** Ends a `salvage` that a crash cut off between its last steps. */
export async function finishSalvage(path: string): Promise<void> {
  if (!(await exists(salvagedPath(path)))) return
  // With the damaged one still in its place, all of it is done again.
  if (await exists(path)) await rm(salvagedPath(path), { recursive: true, force: true })
  else await rename(salvagedPath(path), path)
}

const salvagedPath = (path: string): string => `${path}.salvaged`

async function takeOver(damagedPath: string, draft: Database, logger: Logger): Promise<number> {
  let damaged: Database
  try {
    await ClassicLevel.repair(damagedPath)
    damaged = await createDatabase(damagedPath)
  } catch (err) {
    logger.warn({ err }, 'Nothing of the damaged database can be read')
    return 0
  }
  try {
    const schema = await damaged.get(SCHEMA_KEY).catch((err: unknown) => {
      logger.debug({ err }, 'the layout of the damaged database cannot be read')
      return undefined
    })
    if (schema !== undefined && recordDamage(schema) === undefined) {
      await draft.batch([{ type: 'put', key: SCHEMA_KEY, value: schema }], { sync: true })
    }
    let records = 0
    for (const bucket of PRECIOUS) {
      for (const reverse of [false, true]) {
        const { count, err } = await copyBucket(damaged, draft, bucket, reverse)
        records += count
        if (err === undefined) break
        // From the other end, up to the block that cannot be read.
        logger.warn({ err, bucket, reverse }, 'A part of the damaged database cannot be read')
      }
    }
    return records
  } finally {
    await damaged.close()
  }
}

async function copyBucket(
  from: Database,
  to: Database,
  bucket: Bucket,
  reverse: boolean
): Promise<{ count: number; err?: unknown }> {
  let batch: BatchOperation[] = []
  let count = 0
  const flush = async (): Promise<void> => {
    await to.batch(batch, { sync: true })
    count += batch.length
    batch = []
  }
  const entries = from.entries({ ...bucketRange(bucket), reverse })[Symbol.asyncIterator]()
  for (;;) {
    let next: IteratorResult<[Uint8Array, Uint8Array]>
    try {
      next = await entries.next()
    } catch (err) {
      await flush()
      return { count, err }
    }
    if (next.done === true) break
    const [key, value] = next.value
    if (bucket !== Bucket.quarantine && recordDamage(value) !== undefined) continue
    batch.push({ type: 'put', key, value })
    if (batch.length >= BATCH_RECORDS) await flush()
  }
  await flush()
  return { count }
}

async function freeName(wanted: string): Promise<string> {
  for (let n = 1; ; n++) {
    const name = n === 1 ? wanted : `${wanted}-${n}`
    if (!(await exists(name))) return name
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (err) {
    if (err instanceof Error && 'code' in err && err.code === 'ENOENT') return false
    throw err
  }
}
