import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Database } from '../interface/database.js'
import { Bucket } from './buckets.js'
import { bucketRange } from './keys.js'
import { recordDamage } from './record.js'

/** LevelDB writes its log in blocks of this size. */
const LOG_BLOCK_BYTES = 32 << 10
/** Nothing depends on what happened when; and it is most of the data. */
const UNCHECKED: Bucket[] = [Bucket.timeline, Bucket.timelineAges]

/**
 * What LevelDB would pass over in silence when it opens a folder: a lost CURRENT file (it would begin anew and delete all
 * tables), and a hole of zeros in its log. Undefined where neither is seen.
 */
export async function damageBeforeOpen(path: string): Promise<string | undefined> {
  const files = await list(path)
  const hasData = files.some(name => /^MANIFEST-|\.(ldb|sst|log)$/.test(name))
  if (hasData && !files.includes('CURRENT')) return 'the file CURRENT is missing'
  for (const name of files) {
    // At most LevelDB's write buffer of 4 MiB and one batch.
    if (name.endsWith('.log') && hasHole(await readFile(join(path, name)))) {
      return `a part of the log ${name} was overwritten with zeros`
    }
  }
  return undefined
}

/**
 * What is wrong with an open database: parts of the log that LevelDB left out (it says so in its own file LOG), blocks that
 * cannot be read, records that do not fit their checksum. It reads all that a node reads when it starts.
 */
export async function damageOf(database: Database, path: string): Promise<string | undefined> {
  const dropped = /dropping \d+ bytes; .*/.exec(await readText(join(path, 'LOG')))
  if (dropped !== null) return `a part of the log cannot be read (${dropped[0]})`
  try {
    for (const bucket of Object.values(Bucket).filter(each => !UNCHECKED.includes(each))) {
      for await (const [, bytes] of database.entries(bucketRange(bucket))) {
        const damage = bucket === Bucket.quarantine ? undefined : recordDamage(bytes)
        if (damage !== undefined) return `a record of bucket ${bucket}: ${damage}`
      }
    }
  } catch (err) {
    return err instanceof Error ? err.message : String(err)
  }
  return undefined
}

/** Zeros where a block begins, and something behind them. Zeros up to the end are what a crash of the machine leaves. */
function hasHole(log: Uint8Array): boolean {
  let zeroed = false
  for (let start = 0; start < log.length; start += LOG_BLOCK_BYTES) {
    const block = log.subarray(start, start + LOG_BLOCK_BYTES)
    if (block.every(byte => byte === 0)) zeroed = true
    else if (zeroed) return true
  }
  return false
}

async function list(path: string): Promise<string[]> {
  try {
    return await readdir(path)
  } catch (err) {
    if (err instanceof Error && 'code' in err && err.code === 'ENOENT') return []
    throw err
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (err) {
    if (err instanceof Error && 'code' in err && err.code === 'ENOENT') return ''
    throw err
  }
}
