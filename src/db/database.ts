import { open as openFile, rm } from 'node:fs/promises'
import { ClassicLevel } from 'classic-level'
import type { BatchOperation, Database } from '../interface/database.js'
import { DatabaseCorruptError, DatabaseLockedError, DatabaseWriteError } from '../interface/errors.js'

/** What must be free before a database that could not write is opened again: twice LevelDB's write buffer of 4 MiB. */
const REOPEN_FREE_BYTES = 8 << 20

/** A database in files. */
export interface LevelDatabase extends Database {
  /** Gives the space of what was deleted between two keys back to the disk. */
  compact(range: { gte: Uint8Array; lt: Uint8Array }): Promise<void>
}

interface PendingWrite {
  operations: BatchOperation[]
  sync: boolean
  resolve(): void
  reject(error: unknown): void
}

/**
 * Opens (or creates) the LevelDB database at `path`, as it is: see `openDatabase` for one that mends what is broken.
 *
 * Writes that arrive while one is on its way to the disk go together in the next (group commit): a synced write costs
 * about six times a plain one, whatever its size.
 *
 * After a failed write the log file may end in half a record, and LevelDB would write behind it what a later start could
 * not read. So the database is opened anew before it is written again: that starts a new log.
 *
 * Throws DatabaseLockedError or DatabaseCorruptError.
 */
export async function createDatabase(path: string): Promise<LevelDatabase> {
  const level = new ClassicLevel<Uint8Array, Uint8Array>(path, {
    keyEncoding: 'view',
    valueEncoding: 'view'
  })
  try {
    await level.open()
  } catch (error) {
    throw openError(path, error)
  }

  let pending: PendingWrite[] = []
  let writing: Promise<void> | undefined
  let isBroken = false
  let isClosed = false

  async function write(operations: BatchOperation[], sync: boolean): Promise<void> {
    if (isBroken) await reopen()
    try {
      await level.batch(operations, { sync })
    } catch (error) {
      isBroken = true
      throw error
    }
  }

  async function reopen(): Promise<void> {
    await probeSpace(`${path}.probe`)
    await level.close()
    await level.open()
    isBroken = false
  }

  async function writeAll(): Promise<void> {
    // Jobs are claimed several at a time: what the same turn of the event loop writes goes together from the first.
    await undefined
    while (pending.length > 0) {
      const group = pending
      pending = []
      try {
        await write(
          group.flatMap(({ operations }) => operations),
          group.some(({ sync }) => sync)
        )
        for (const { resolve } of group) resolve()
      } catch (error) {
        const failure = writeError(path, error)
        for (const { reject } of group) reject(failure)
      }
    }
    writing = undefined
  }

  return {
    // LevelDB answers most reads from memory, in microseconds. Through libuv's threads they would wait for a synced write, and
    // each answer for a turn of the event loop.
    get: async key => (level.status === 'open' ? level.getSync(key) : level.get(key)),
    batch: (operations, options) =>
      new Promise((resolve, reject) => {
        if (isClosed) {
          reject(new DatabaseWriteError(`The database at ${path} is closed`))
          return
        }
        pending.push({ operations, sync: options?.sync ?? false, resolve, reject })
        writing ??= writeAll()
      }),
    entries: range => level.iterator(range),
    compact: ({ gte, lt }) => level.compactRange(gte, lt),
    async close() {
      isClosed = true
      await writing
      await level.close()
    }
  }
}

/** Writes a file of the size that is needed, and removes it. Throws what the disk says. */
async function probeSpace(path: string): Promise<void> {
  try {
    const file = await openFile(path, 'w')
    try {
      await file.writeFile(new Uint8Array(REOPEN_FREE_BYTES))
      await file.sync()
    } finally {
      await file.close()
    }
  } finally {
    await rm(path, { force: true })
  }
}

/** The codes and texts of an error and its causes: `LEVEL_CORRUPTION`, `ENOSPC`. */
export function errorChain(error: unknown): { code: string | undefined; message: string }[] {
  const chain: { code: string | undefined; message: string }[] = []
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined
    chain.push({ code, message: cause.message })
  }
  return chain
}

function writeError(path: string, error: unknown): DatabaseWriteError {
  if (error instanceof DatabaseWriteError) return error
  const why = errorChain(error).at(-1)?.message ?? String(error)
  return new DatabaseWriteError(
    `The disk of ${path} does not take writes (${why}): free some space, or check the disk`,
    { cause: error }
  )
}

function openError(path: string, error: unknown): Error {
  const chain = errorChain(error)
  if (chain.some(({ code }) => code === 'LEVEL_LOCKED')) {
    return new DatabaseLockedError(path, { cause: error })
  }
  return new DatabaseCorruptError(
    `The database at ${path} cannot be opened (${chain.at(-1)?.message ?? String(error)}): ` +
      'check the rights and the free space of the disk, or move the folder away to start afresh',
    { cause: error }
  )
}
