import { Level } from 'level'
import type { BatchOperation, Database } from '../interface/database.js'
import { DatabaseCorruptError, DatabaseLockedError } from '../interface/errors.js'

interface PendingWrite {
  operations: BatchOperation[]
  sync: boolean
  resolve(): void
  reject(error: unknown): void
}

/**
 * Opens (or creates) the LevelDB database at `path`.
 *
 * Writes that arrive while one is on its way to the disk go together in the next (group commit): a synced write costs
 * about six times a plain one, whatever its size. Throws DatabaseLockedError or DatabaseCorruptError.
 */
export async function createDatabase(path: string): Promise<Database> {
  const level = new Level<Uint8Array, Uint8Array>(path, { keyEncoding: 'view', valueEncoding: 'view' })
  try {
    await level.open()
  } catch (error) {
    throw openError(path, error)
  }

  let pending: PendingWrite[] = []
  let writing: Promise<void> | undefined

  async function writeAll(): Promise<void> {
    while (pending.length > 0) {
      const group = pending
      pending = []
      try {
        await level.batch(
          group.flatMap(write => write.operations),
          { sync: group.some(write => write.sync) }
        )
        for (const write of group) write.resolve()
      } catch (error) {
        for (const write of group) write.reject(error)
      }
    }
    writing = undefined
  }

  return {
    get: key => level.get(key),
    batch: (operations, options) =>
      new Promise((resolve, reject) => {
        pending.push({ operations, sync: options?.sync ?? false, resolve, reject })
        writing ??= writeAll()
      }),
    entries: range => level.iterator(range),
    async close() {
      await writing
      await level.close()
    }
  }
}

function openError(path: string, error: unknown): Error {
  const cause = error instanceof Error ? error.cause : undefined
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'LEVEL_LOCKED') return new DatabaseLockedError(path, { cause: error })
  return new DatabaseCorruptError(
    `The database at ${path} cannot be opened (${cause instanceof Error ? cause.message : String(error)}): ` +
      'check the rights and the free space of the disk, or move the folder away to start afresh',
    { cause: error }
  )
}
