import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, it, onTestFinished } from 'vitest'
import { outboxRepository } from '../../../src/db/repositories/outbox.js'
import { ownLeaseRepository } from '../../../src/db/repositories/own-lease.js'
import { resultRepository } from '../../../src/db/repositories/result.js'
import {
  account,
  hash,
  key,
  open,
  outboxEntry,
  ownLease,
  result,
  setAside,
  temporaryFolder
} from './fixture.js'

const KILLS = 20
/** A writer is killed at a random moment in which it writes about this many records. */
const MAX_WRITES = 40

/** Lets a process write from `first` on until it has said `writes` numbers and a random moment more; kills it. @returns what it said */
async function writeAndKill(dataDir: string, first: number, writes: number): Promise<number[]> {
  const child: ChildProcess = spawn(
    process.execPath,
    ['--no-warnings', join(import.meta.dirname, 'fixtures/writer.mjs'), dataDir, `${first}`],
    { stdio: ['ignore', 'pipe', 'inherit'] }
  )
  onTestFinished(() => void child.kill('SIGKILL'))
  const said: number[] = []
  const closed = once(child, 'close')
  if (child.stdout === null) throw new Error('no stdout')
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(Number(line))
    // In the middle of a write, as the writer never stops.
    if (said.length === writes) setImmediate(() => child.kill('SIGKILL'))
  }
  const [, signal] = await closed
  expect(signal).toBe('SIGKILL')
  return said
}

describe('kill -9', () => {
  it(`behavior: whatever the moment, in ${KILLS} kills, what was acknowledged is there, and records are whole`, async () => {
    const dataDir = await temporaryFolder()
    let next = 0
    for (let kill = 0; kill < KILLS; kill++) {
      const said = await writeAndKill(dataDir, next, 1 + Math.floor(Math.random() * MAX_WRITES))
      const last = said.at(-1) ?? next - 1

      const { database, isContinuous, said: logged } = await open(dataDir)
      // A crash is no restored copy, nor damage: the node may go on with its leases.
      expect([isContinuous, logged]).toEqual([true, []])
      const results = resultRepository(database)
      const leases = ownLeaseRepository(database)
      const entries = await outboxRepository(database, 31337, account).entries()
      for (let n = next; n <= last; n++) {
        expect(await results.get(hash(n))).toEqual(result(n))
        expect(await leases.get(key(n))).toEqual(ownLease(n))
        expect(entries[n]).toEqual(outboxEntry(n))
      }
      // What was not acknowledged is there whole or not at all; lease and transaction went in one batch.
      let stored = 0
      for await (const value of results.values()) expect(value).toEqual(result(stored++))
      let leased = 0
      for await (const value of leases.values()) expect(value).toEqual(ownLease(leased++))
      expect(leased).toBe(entries.length)
      expect(stored - leased).toBeLessThanOrEqual(1)
      expect(leased).toBeGreaterThan(last)
      await database.close()
      next = leased
    }
    expect(next).toBeGreaterThan(KILLS)
    expect(await setAside(dataDir)).toEqual([])
    // 20 processes: 5 s where nothing else runs.
  }, 180_000)
})
