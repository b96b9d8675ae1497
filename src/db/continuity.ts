import { randomUUID } from 'node:crypto'
import { open, readFile, rename, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { Database } from '../interface/database.js'
import { DatabaseCorruptError } from '../interface/errors.js'
import { Bucket } from './buckets.js'
import { bucketKey } from './keys.js'
import { decodeRecord, encodeRecord } from './record.js'

/**
 * Whether the database holds all that this node's key has signed.
 *
 * A marker is written anew at every start and at every clean end: its id into the database, and into a file beside
 * `identity.key`. If they differ, one of the two is older than the other: the database was restored, replaced, or has lost
 * its end. A copy of the whole data directory holds an equal pair; but the copied file is another file (inode and time of
 * birth), and the database remembers which one it was. A snapshot of a whole disk shows neither: docs/durability.md says
 * what holds then.
 */
export interface Continuity {
  isContinuous: boolean
  /** For the log. */
  reason: string
}

const incarnationSchema = z.object({
  /** Random, of this run of the node, or of its clean end. */
  id: z.string(),
  /** Which file holds the same id: inode and time of birth. The number of a device may change when it is mounted again. */
  file: z.string()
})
type Incarnation = z.infer<typeof incarnationSchema>

const incarnationKey = bucketKey(Bucket.meta, new TextEncoder().encode('incarnation'))
const fileName = 'incarnation'
/** An id is 36 characters. */
const MAX_FILE_BYTES = 100

/** Compares the two markers. Throws what the disk says. */
export async function checkContinuity(database: Database, dataDir: string): Promise<Continuity> {
  const path = join(dataDir, fileName)
  const [inDatabase, inFile] = [await readDatabase(database), await readMarker(path)]
  if (inDatabase === undefined && inFile === undefined) {
    return { isContinuous: false, reason: 'neither the database nor the data directory has a marker' }
  }
  if (inDatabase === undefined) return { isContinuous: false, reason: 'the database is new' }
  if (inFile === undefined) return { isContinuous: false, reason: 'the data directory has lost its marker' }
  if (inDatabase.id !== inFile.id) {
    return {
      isContinuous: false,
      reason: 'the database is older than the data directory, or the other way round'
    }
  }
  return inDatabase.file === inFile.file
    ? { isContinuous: true, reason: 'it is the database of the last run' }
    : { isContinuous: false, reason: 'the data directory is a copy' }
}

/** Begins a new incarnation: until the next call, only this database and this directory belong together. */
export async function renewIncarnation(database: Database, dataDir: string): Promise<void> {
  const id = randomUUID()
  const path = join(dataDir, fileName)
  const draft = `${path}.tmp`
  const file = await open(draft, 'w', 0o600)
  try {
    await file.writeFile(id)
    await file.sync()
  } finally {
    await file.close()
  }
  // A crash between the two leaves a pair that does not fit, which costs a wait and nothing else.
  await rename(draft, path)
  await syncFolder(dirname(path))
  const value = encodeRecord({ id, file: await fileIdentity(path) } satisfies Incarnation)
  await database.batch([{ type: 'put', key: incarnationKey, value }], { sync: true })
}

async function readDatabase(database: Database): Promise<Incarnation | undefined> {
  const bytes = await database.get(incarnationKey)
  if (bytes === undefined) return undefined
  const parsed = incarnationSchema.safeParse(decodeRecord(bytes, 'incarnation'))
  if (!parsed.success) throw new DatabaseCorruptError(`Stored incarnation: ${z.prettifyError(parsed.error)}`)
  return parsed.data
}

async function readMarker(path: string): Promise<Incarnation | undefined> {
  try {
    const file = await fileIdentity(path)
    const text = await readFile(path, 'utf8')
    return { id: text.slice(0, MAX_FILE_BYTES), file }
  } catch (err) {
    if (err instanceof Error && 'code' in err && err.code === 'ENOENT') return undefined
    throw err
  }
}

async function fileIdentity(path: string): Promise<string> {
  const { ino, birthtimeNs } = await stat(path, { bigint: true })
  return `${ino}-${birthtimeNs}`
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
