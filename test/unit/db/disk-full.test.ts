import { spawnSync } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { guardDatabase } from '../../../src/db/guard.js'
import { resultRepository } from '../../../src/db/repositories/result.js'
import { type Clock, DatabaseWriteError } from '../../../src/interface/index.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { silentLogger } from '../../helpers/silent-logger.js'
import { hash, limitedDatabase, open, result, type Said, setAside, temporaryFolder } from './fixture.js'

/** A file system of its own. @returns whether this machine lets us; needs root and Linux */
function mountSmall(path: string, sizeMb: number): boolean {
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMb}m`, 'none', path])
  if (status !== 0) return false
  onTestFinished(() => void spawnSync('umount', ['--lazy', path]))
  return true
}

describe('a full disk', () => {
  it('behavior: it is said once; writes are refused without trying, and go on by themselves when there is room', async () => {
    const clock = manualClock()
    const said: Said = []
    const disk = limitedDatabase()
    const database = guardDatabase({ database: disk, clock, logger: silentLogger(said) })
    const changes: boolean[] = []
    database.writable.onChange(isWritable => changes.push(isWritable))
    const results = resultRepository(database)
    const write = (n: number) => database.batch([results.put(hash(n), result(n))], { sync: true })

    await write(1)
    disk.isFull = true
    await expect(write(2)).rejects.toThrow(DatabaseWriteError)
    expect(database.writable.isWritable()).toBe(false)
    const { writes } = disk
    await expect(write(3)).rejects.toThrow(/free some space/)
    expect(disk.writes).toBe(writes)

    await clock.advance(10_000)
    expect(changes).toEqual([false])
    disk.isFull = false
    await clock.advance(2_000)
    expect(changes).toEqual([false, true])
    await write(4)
    expect(await results.get(hash(1))).toBeDefined()
    expect(await results.get(hash(2))).toBeUndefined()
    expect(await results.get(hash(4))).toBeDefined()
    expect(said.map(({ level }) => level)).toEqual(['error'])
    await database.close()
  })

  it('behavior: on a real one, what was acknowledged stays, before, while and after it is full', async context => {
    const dataDir = await temporaryFolder()
    if (!mountSmall(dataDir, 24)) context.skip('tmpfs cannot be mounted here: it needs root on Linux')
    const ballast = join(dataDir, 'ballast')
    const clock = manualClock()
    let trials = 0
    const counted: Clock = {
      ...clock,
      schedule(delayMs, callback) {
        if (delayMs === 2_000) trials++
        return clock.schedule(delayMs, callback)
      }
    }
    const { database, said } = await open(dataDir, { isNewIdentity: true, clock: counted })
    const results = resultRepository(database)
    const acknowledged: number[] = []
    const write = async (n: number): Promise<void> => {
      await database.batch([results.put(hash(n), result(n))], { sync: true })
      acknowledged.push(n)
    }
    for (let n = 0; n < 100; n++) await write(n)

    await writeFile(ballast, new Uint8Array(64 << 20)).catch((err: { code?: string }) =>
      expect(err.code).toBe('ENOSPC')
    )
    let refused = 0
    for (let n = 100; n < 1_000 && refused < 20; n++) {
      await write(n).catch(err => {
        expect(err).toBeInstanceOf(DatabaseWriteError)
        refused++
      })
    }
    expect(refused).toBe(20)
    expect(database.writable.isWritable()).toBe(false)
    for (const n of acknowledged) expect(await results.get(hash(n))).toEqual(result(n))

    // A trial write that fails leaves the database as it was: it is read on.
    expect(trials).toBe(1)
    await clock.advance(2_000)
    await expect.poll(() => trials).toBe(2)
    for (const n of acknowledged) expect(await results.get(hash(n))).toEqual(result(n))

    const resumed = new Promise(resolve => database.writable.onChange(resolve))
    await rm(ballast)
    await clock.advance(2_000)
    expect(await resumed).toBe(true)
    for (let n = 2_000; n < 2_100; n++) await write(n)
    expect(said.filter(({ level }) => level === 'error')).toHaveLength(1)
    await database.close()

    const again = await open(dataDir)
    expect(await setAside(dataDir)).toEqual([])
    expect(again.isContinuous).toBe(true)
    for (const n of acknowledged) {
      expect(await resultRepository(again.database).get(hash(n))).toEqual(result(n))
    }
    await again.database.close()
  })
})
