import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { memoryDatabase } from '../../../src/db/memory-database.js'
import { type OpenDatabaseInit, type OpenedDatabase, openDatabase } from '../../../src/db/open.js'
import { type Clock, type Database, systemClock } from '../../../src/interface/index.js'
import { silentLogger } from '../../helpers/silent-logger.js'

export async function temporaryFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'buffalo-db-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

export type Said = { level: string; message: string; fields: object }[]

/** Opens the database of a data directory as a node does. */
export async function open(
  dataDir: string,
  options: Partial<OpenDatabaseInit> & { clock?: Clock } = {}
): Promise<OpenedDatabase & { said: Said }> {
  const said: Said = []
  const { clock = systemClock, ...init } = options
  const opened = await openDatabase(
    { dataDir, isNewIdentity: false, ...init },
    { clock, logger: silentLogger(said) }
  )
  return { ...opened, said }
}

/** The folders that were set aside. */
export const setAside = async (dataDir: string): Promise<string[]> =>
  (await readdir(dataDir)).filter(name => name.startsWith('db.corrupt-'))

/** A database whose disk may be full. */
export function limitedDatabase(): Database & { isFull: boolean; writes: number } {
  const memory = memoryDatabase()
  const limited = {
    ...memory,
    isFull: false,
    writes: 0,
    async batch(...args: Parameters<Database['batch']>) {
      limited.writes++
      if (limited.isFull) throw new Error('IO error: No space left on device')
      await memory.batch(...args)
    }
  }
  return limited
}

export * from './fixtures/records.js'
