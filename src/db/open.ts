import { join } from 'node:path'
import type { Clock } from '../interface/clock.js'
import { DatabaseCorruptError, DatabaseWriteError } from '../interface/errors.js'
import type { Logger } from '../interface/logger.js'
import { type Continuity, checkContinuity, renewIncarnation } from './continuity.js'
import { damageBeforeOpen, damageOf } from './damage.js'
import { createDatabase, errorChain, type LevelDatabase } from './database.js'
import { type GuardedDatabase, guardDatabase } from './guard.js'
import { finishSalvage, salvage } from './salvage.js'
import { type Migration, migrate, migrations } from './schema.js'

export interface OpenDatabaseInit {
  /** The node's data directory. The database is its folder `db`. */
  dataDir: string
  /** Whether the node's key was made just now: then there is nothing that it could have signed before. */
  isNewIdentity: boolean
  /** Of tests. */
  steps?: Migration[]
}

export interface OpenDatabaseComponents {
  clock: Clock
  logger: Logger
}

export interface OpenedDatabase {
  /** Its `close` marks a clean end. */
  database: GuardedDatabase
  compact: LevelDatabase['compact']
  /** Whether the database is known to hold all that this node's key signed. If not, nothing is claimed for a while. */
  isContinuous: boolean
}

/**
 * Opens the database of a node, whatever state it is in (docs/durability.md): a damaged one is set aside, what can be read
 * of it is taken over, and the rest comes from the chain and from peers. An older layout is migrated.
 *
 * Throws DatabaseLockedError, DatabaseVersionError, DatabaseWriteError (the disk is full), and DatabaseCorruptError if a
 * damaged database cannot even be set aside.
 */
export async function openDatabase(
  { dataDir, isNewIdentity, steps = migrations }: OpenDatabaseInit,
  { clock, logger }: OpenDatabaseComponents
): Promise<OpenedDatabase> {
  const path = join(dataDir, 'db')
  const level = await openSound(path, clock.now(), logger)
  try {
    const found = await migrate(level, path, steps)
    if (found !== undefined && found !== steps.at(-1)?.to) {
      logger.info({ from: found, to: steps.at(-1)?.to }, 'The database has the layout of this version now')
    }
    const continuity = await continuityOf(level, dataDir, isNewIdentity)
    if (!continuity.isContinuous) {
      logger.warn(
        { reason: continuity.reason },
        'The database may not hold all that this node has signed: no job is claimed until earlier leases have run out'
      )
    }
    const guarded = guardDatabase({ database: level, clock, logger })
    return {
      database: {
        ...guarded,
        async close() {
          await renewIncarnation(level, dataDir).catch((err: unknown) =>
            logger.warn({ err }, 'The clean end could not be marked: the next start waits before it claims')
          )
          await guarded.close()
        }
      },
      compact: level.compact,
      isContinuous: continuity.isContinuous
    }
  } catch (err) {
    await level.close()
    throw err
  }
}

async function continuityOf(
  level: LevelDatabase,
  dataDir: string,
  isNewIdentity: boolean
): Promise<Continuity> {
  try {
    const continuity = await checkContinuity(level, dataDir)
    await renewIncarnation(level, dataDir)
    return isNewIdentity ? { isContinuous: true, reason: 'the identity is new' } : continuity
  } catch (cause) {
    if (cause instanceof DatabaseWriteError || cause instanceof DatabaseCorruptError) throw cause
    throw new DatabaseWriteError(
      `The data directory ${dataDir} does not take writes (${String(cause)}): check its rights and the free space`,
      { cause }
    )
  }
}

/** The database at `path`, or a new one with what could be read of it. */
async function openSound(path: string, nowMs: number, logger: Logger): Promise<LevelDatabase> {
  await finishSalvage(path)
  const opened = await tryOpen(path)
  if (typeof opened !== 'string') return opened
  logger.error({ path, damage: opened }, 'The database is damaged: setting it aside')
  try {
    const { asidePath, records } = await salvage(path, nowMs, logger)
    logger.error(
      { asidePath, records },
      'The damaged database was set aside, and what could be read was taken over; the rest comes from the chain and from peers. Check the disk; the folder may be deleted once nobody needs it'
    )
  } catch (cause) {
    throw new DatabaseCorruptError(
      `The database at ${path} is damaged (${opened}), and could not be set aside (${String(cause)}): check the rights and the free space of the disk, or move the folder away`,
      { cause }
    )
  }
  const again = await tryOpen(path)
  if (typeof again !== 'string') return again
  throw new DatabaseCorruptError(
    `The database at ${path} is damaged again as soon as it was made (${again}): the disk is failing`
  )
}

/** @returns what is wrong, where something is */
async function tryOpen(path: string): Promise<LevelDatabase | string> {
  const before = await damageBeforeOpen(path)
  if (before !== undefined) return before
  let level: LevelDatabase
  try {
    level = await createDatabase(path)
  } catch (err) {
    if (isDamage(err)) return errorChain(err).at(-1)?.message ?? String(err)
    throw err
  }
  const damage = await damageOf(level, path)
  if (damage === undefined) return level
  await level.close()
  return damage
}

/** Neither another process, nor a full disk, nor missing rights are damage. */
function isDamage(err: unknown): boolean {
  if (!(err instanceof DatabaseCorruptError)) return false
  const chain = errorChain(err)
  if (chain.some(({ code }) => code === 'LEVEL_CORRUPTION')) return true
  // A file that LevelDB needs is not there. Its own texts: it keeps no number of the error.
  return chain.some(({ message }) => /\/(MANIFEST-\d+|\d+\.(ldb|sst|log)): No such file/.test(message))
}
