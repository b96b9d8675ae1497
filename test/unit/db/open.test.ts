import { cp, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Bucket } from '../../../src/db/buckets.js'
import { createDatabase } from '../../../src/db/database.js'
import { guardDatabase } from '../../../src/db/guard.js'
import { bucketKey, bucketRange } from '../../../src/db/keys.js'
import { memoryDatabase } from '../../../src/db/memory-database.js'
import { decodeRecord, encodeRecord } from '../../../src/db/record.js'
import { cursorRepository } from '../../../src/db/repositories/cursor.js'
import { jobRepository } from '../../../src/db/repositories/job.js'
import { outboxRepository } from '../../../src/db/repositories/outbox.js'
import { ownLeaseRepository } from '../../../src/db/repositories/own-lease.js'
import { resultRepository } from '../../../src/db/repositories/result.js'
import { signedClaimRepository } from '../../../src/db/repositories/signed-claim.js'
import { migrations } from '../../../src/db/schema.js'
import { type Database, systemClock } from '../../../src/interface/index.js'
import { silentLogger } from '../../helpers/silent-logger.js'
import {
  account,
  hash,
  key,
  open,
  outboxEntry,
  ownLease,
  reference,
  result,
  type Said,
  setAside,
  temporaryFolder
} from './fixture.js'

const RESULTS = 300

/** A database with tables and a log, closed cleanly. */
async function filled(): Promise<string> {
  const dataDir = await temporaryFolder()
  // Opened twice: what the first run wrote lies in a table, what the second wrote in the log.
  for (const from of [0, RESULTS]) {
    const { database } = await open(dataDir)
    await fill(database, from)
    await database.close()
  }
  return dataDir
}

async function fill(database: Database, from: number): Promise<void> {
  const results = resultRepository(database)
  for (let n = from; n < from + RESULTS; n++) {
    await database.batch([results.put(hash(n), result(n))])
  }
  const cursor = { anchors: [{ id: hash(1), blockNumber: 1, blockHash: hash(1) }] }
  await database.batch(
    [
      outboxRepository(database, 31337, account).put(outboxEntry(from)),
      ownLeaseRepository(database).put(key(from), ownLease(from)),
      jobRepository(database).put(key(from), { reference: reference(from), finalBlock: undefined }),
      cursorRepository(database).put('jobs', cursor)
    ],
    { sync: true }
  )
}

async function count(database: Database, bucket: Bucket): Promise<number> {
  let found = 0
  for await (const [, value] of database.entries(bucketRange(bucket))) {
    decodeRecord(value, 'test')
    found++
  }
  return found
}

type Damage = (path: string, size: number) => Promise<void>
const zero: Damage = (path, size) => writeFile(path, new Uint8Array(size))
const flip: Damage = async (path, size) => {
  const bytes = await readFile(path)
  for (let i = size >> 1; i < (size >> 1) + 20; i++) bytes[i] = (bytes[i] ?? 0) ^ 0x5a
  await writeFile(path, bytes)
}
/** A block of LevelDB's log, with others before and behind it. */
const hole: Damage = async path => {
  const bytes = await readFile(path)
  expect(bytes.length).toBeGreaterThan(3 * 32_768)
  await writeFile(path, bytes.fill(0, 32_768, 2 * 32_768))
}
const half: Damage = (path, size) => truncate(path, size >> 1)
const empty: Damage = path => truncate(path, 0)
const remove: Damage = path => rm(path)

/** Harms the largest file of a kind. */
async function harm(dataDir: string, kind: RegExp, damage: Damage): Promise<void> {
  const db = join(dataDir, 'db')
  const files = await Promise.all(
    (await readdir(db))
      .filter(name => kind.test(name))
      .map(async name => ({ path: join(db, name), size: (await stat(join(db, name))).size }))
  )
  const [largest] = files.sort((a, b) => b.size - a.size)
  if (largest === undefined) throw new Error(`no file ${kind}`)
  await damage(largest.path, largest.size)
}

describe('a damaged database', () => {
  /** `kept`: results that must be saved at least, of 600; `aside`: whether the old folder is set aside. */
  const cases: [string, RegExp, Damage, { kept: number; aside: boolean }][] = [
    ['a table cut in half', /\.ldb$/, half, { kept: RESULTS, aside: true }],
    ['an empty table', /\.ldb$/, empty, { kept: RESULTS, aside: true }],
    ['a table of zeros', /\.ldb$/, zero, { kept: RESULTS, aside: true }],
    ['flipped bits in a table', /\.ldb$/, flip, { kept: RESULTS, aside: true }],
    ['a lost table', /\.ldb$/, remove, { kept: RESULTS, aside: true }],
    ['flipped bits in the log', /\.log$/, flip, { kept: RESULTS, aside: true }],
    ['a hole of zeros in the log', /\.log$/, hole, { kept: RESULTS, aside: true }],
    ['a MANIFEST cut in half', /^MANIFEST/, half, { kept: 2 * RESULTS, aside: true }],
    ['a MANIFEST of zeros', /^MANIFEST/, zero, { kept: 2 * RESULTS, aside: true }],
    ['a lost MANIFEST', /^MANIFEST/, remove, { kept: 2 * RESULTS, aside: true }],
    ['an empty CURRENT', /^CURRENT$/, empty, { kept: 2 * RESULTS, aside: true }],
    ['a CURRENT of zeros', /^CURRENT$/, zero, { kept: 2 * RESULTS, aside: true }],
    ['a lost CURRENT', /^CURRENT$/, remove, { kept: 2 * RESULTS, aside: true }],
    // What is left is whole, only older: used as it is, and known to be older.
    ['a log cut in half', /\.log$/, half, { kept: RESULTS, aside: false }],
    ['an empty log', /\.log$/, empty, { kept: RESULTS, aside: false }],
    ['a log of zeros', /\.log$/, zero, { kept: RESULTS, aside: false }],
    ['a lost log', /\.log$/, remove, { kept: RESULTS, aside: false }]
  ]
  it.each(cases)(
    'behavior: %s is noticed, and what can be read is kept',
    async (_, kind, damage, expected) => {
      const dataDir = await filled()
      await harm(dataDir, kind, damage)
      const { database, isContinuous, said } = await open(dataDir)
      expect(isContinuous).toBe(false)
      expect(await count(database, Bucket.results)).toBeGreaterThanOrEqual(expected.kept)
      expect(await setAside(dataDir)).toHaveLength(expected.aside ? 1 : 0)
      if (expected.aside) {
        expect(said.map(({ message }) => message).join('\n')).toMatch(/was set aside/)
        // A cursor without the jobs before it would leave them out for ever.
        expect(await count(database, Bucket.cursors)).toBe(0)
        expect(await count(database, Bucket.jobs)).toBe(0)
      }
      await fill(database, 0)
      await database.close()

      const again = await open(dataDir)
      expect(again.isContinuous).toBe(true)
      expect(await setAside(dataDir)).toHaveLength(expected.aside ? 1 : 0)
      await again.database.close()
    }
  )

  it('behavior: with the files of its list lost, the outbox and the leases are saved with the results', async () => {
    const dataDir = await filled()
    await harm(dataDir, /^MANIFEST/, zero)
    const { database } = await open(dataDir)
    const entries = await outboxRepository(database, 31337, account).entries()
    expect(entries.map(({ nonce }) => nonce)).toEqual([0, RESULTS])
    expect(await ownLeaseRepository(database).get(key(RESULTS))).toEqual(ownLease(RESULTS))
    await database.close()
  })

  it('behavior: one record with a wrong checksum is found at the start; all others are taken over', async () => {
    const dataDir = await filled()
    const level = await createDatabase(join(dataDir, 'db'))
    const bytes = encodeRecord('damaged')
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
    await level.batch([
      { type: 'put', key: bucketKey(Bucket.results, Buffer.from(key(7), 'hex')), value: bytes }
    ])
    await level.close()
    const { database, said } = await open(dataDir)
    expect(await setAside(dataDir)).toHaveLength(1)
    expect(JSON.stringify(said)).toContain('its checksum does not fit')
    expect(await count(database, Bucket.results)).toBe(2 * RESULTS - 1)
    await database.close()
  })

  it('behavior: what was set aside stays as it was found', async () => {
    const dataDir = await filled()
    await harm(dataDir, /^CURRENT$/, empty)
    const before = await readdir(join(dataDir, 'db'))
    const { database } = await open(dataDir)
    const [aside = ''] = await setAside(dataDir)
    expect(await readdir(join(dataDir, aside))).toEqual(before)
    expect((await readdir(dataDir)).filter(name => /salvag|repair/.test(name))).toEqual([])
    await database.close()
  })

  it('behavior: an empty folder, or none, is a new database, and known not to be that of the last run', async () => {
    for (const makeFolder of [true, false]) {
      const dataDir = await filled()
      await rm(join(dataDir, 'db'), { recursive: true })
      if (makeFolder) await mkdir(join(dataDir, 'db'))
      const { database, isContinuous } = await open(dataDir)
      expect(isContinuous).toBe(false)
      expect(await count(database, Bucket.results)).toBe(0)
      await database.close()
    }
  })

  it('behavior: a crash between the last two steps of mending loses nothing', async () => {
    const dataDir = await filled()
    await cp(join(dataDir, 'db'), join(dataDir, 'db.salvaged'), { recursive: true })
    await rm(join(dataDir, 'db'), { recursive: true })
    const { database } = await open(dataDir)
    expect(await count(database, Bucket.results)).toBe(2 * RESULTS)
    await database.close()
  })

  it('behavior: a database in use by another process is not taken for a damaged one', async () => {
    const dataDir = await filled()
    const { database } = await open(dataDir)
    await expect(open(dataDir)).rejects.toMatchObject({ code: 'BUFFALO_ERR_DATABASE_LOCKED' })
    expect(await setAside(dataDir)).toEqual([])
    await database.close()
  })

  it('behavior: a record that is damaged while the node runs is quarantined, not believed, and stops nothing', async () => {
    const dataDir = await filled()
    const { database, said } = await open(dataDir)
    const results = resultRepository(database)
    const at = bucketKey(Bucket.results, Buffer.from(key(9), 'hex'))
    await database.batch([{ type: 'put', key: at, value: Uint8Array.of(1, 2, 3, 4, 5, 6) }])
    expect(await results.get(hash(9))).toBeUndefined()
    let left = 0
    for await (const _ of results.values()) left++
    expect(left).toBe(2 * RESULTS - 1)
    expect(said.filter(({ level }) => level === 'error')).toHaveLength(1)
    await database.close()
    const again = await open(dataDir)
    expect(await setAside(dataDir)).toEqual([])
    let kept = 0
    for await (const [, bytes] of again.database.entries(bucketRange(Bucket.quarantine))) kept += bytes.length
    expect(kept).toBe(6)
    await again.database.close()
  })

  it('behavior: a block that cannot be read while the node runs is taken for absent, and the node goes on', async () => {
    const said: Said = []
    const broken = {
      ...memoryDatabase(),
      get: async () => {
        throw Object.assign(new Error('bad block type'), { code: 'LEVEL_CORRUPTION' })
      }
    }
    const database = guardDatabase({ database: broken, clock: systemClock, logger: silentLogger(said) })
    expect(await resultRepository(database).get(hash(1))).toBeUndefined()
    expect(said).toMatchObject([{ level: 'error', message: expect.stringContaining('restart the node') }])
  })
})

describe('the layout of the database', () => {
  /** As version 0.1.0 left it: no version, no signing history. */
  async function written(): Promise<string> {
    const dataDir = await temporaryFolder()
    const level = await createDatabase(join(dataDir, 'db'))
    const leases = ownLeaseRepository(level)
    await level.batch([leases.put(key(1), ownLease(1)), leases.put(key(2), ownLease(2))])
    await level.close()
    return dataDir
  }

  it('behavior: one of version 0.1.0 is migrated, and its leases become the signing history', async () => {
    const dataDir = await written()
    const { database } = await open(dataDir)
    const claims = []
    for await (const claim of signedClaimRepository(database).since(0)) claims.push(claim)
    expect(claims).toEqual([
      { job: key(1), startMs: 1_001, source: 'self' },
      { job: key(2), startMs: 1_002, source: 'self' }
    ])
    expect(await ownLeaseRepository(database).get(key(1))).toEqual(ownLease(1))
    await database.close()
  })

  it('behavior: a migration that fails changes nothing, and is done at the next start', async () => {
    const dataDir = await written()
    const failing = {
      to: 3,
      async *operations() {
        yield { type: 'put' as const, key: Uint8Array.of(Bucket.cursors, 1), value: encodeRecord('half') }
        throw new Error('power failed')
      }
    }
    await expect(open(dataDir, { steps: [...migrations, failing] })).rejects.toThrow('power failed')
    const { database } = await open(dataDir)
    expect(await count(database, Bucket.cursors)).toBe(0)
    expect(await count(database, Bucket.signedClaims)).toBe(2)
    await database.close()
  })

  it('behavior: a newer layout than this version knows is refused, with what to do, and left alone', async () => {
    const dataDir = await written()
    const next = { to: 3, async *operations() {} }
    const newer = await open(dataDir, { steps: [...migrations, next] })
    await newer.database.close()
    await expect(open(dataDir)).rejects.toMatchObject({
      code: 'BUFFALO_ERR_DATABASE_VERSION',
      message: expect.stringMatching(/layout 3.*up to 2.*upgrade buffalo-node/)
    })
    expect(await setAside(dataDir)).toEqual([])
  })
})
