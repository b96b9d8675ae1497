import { describe, expect, it } from 'vitest'
import { Bucket } from '../../../src/db/buckets.js'
import { bucketRange } from '../../../src/db/keys.js'
import { memoryDatabase } from '../../../src/db/memory-database.js'
import { defaultRetentionMs, pruner } from '../../../src/db/pruner.js'
import { outboxRepository } from '../../../src/db/repositories/outbox.js'
import { ownLeaseRepository } from '../../../src/db/repositories/own-lease.js'
import { resultRepository } from '../../../src/db/repositories/result.js'
import { signedClaimRepository } from '../../../src/db/repositories/signed-claim.js'
import type { BatchOperation } from '../../../src/interface/index.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { silentLogger } from '../../helpers/silent-logger.js'
import { account, hash, key, outboxEntry, ownLease, result } from './fixture.js'

const DAY_MS = 24 * 3_600_000

function setUp() {
  const clock = manualClock()
  const database = memoryDatabase()
  const compacted: unknown[] = []
  const pruning = pruner({ retentionMs: defaultRetentionMs })({
    database,
    compact: async range => void compacted.push(range),
    clock,
    logger: silentLogger()
  })
  return {
    clock,
    database,
    compacted,
    pruning,
    results: resultRepository(database),
    leases: ownLeaseRepository(database),
    claims: signedClaimRepository(database),
    outbox: outboxRepository(database, 31337, account)
  }
}

describe('pruning', () => {
  it('behavior: what is done with goes after a week, and the space is given back', async () => {
    const { clock, database, compacted, pruning, results, leases, claims } = setUp()
    const nowMs = clock.now()
    const own = ownLease(1, { startMs: nowMs, expiresMs: nowMs + 10_000 })
    await database.batch([
      results.put(hash(1), result(1, true, nowMs)),
      leases.put(key(1), own),
      claims.put({ job: key(1), startMs: nowMs, source: 'self' })
    ])
    pruning.start()
    await clock.advance(7 * DAY_MS - 3_600_000)
    expect(await results.get(hash(1))).toBeDefined()
    expect(compacted).toEqual([])
    await clock.advance(2 * 3_600_000)
    expect(await results.get(hash(1))).toBeUndefined()
    expect(await leases.get(key(1))).toBeUndefined()
    expect(await claims.get(key(1), nowMs)).toBeUndefined()
    expect(compacted).toContainEqual(bucketRange(Bucket.results))
    await pruning.stop()
  })

  it('behavior: no result goes that the chain has not decided on, or whose transaction is not final, however old', async () => {
    const { clock, database, pruning, results, outbox } = setUp()
    await database.batch([
      results.put(hash(1), result(1, false)),
      results.put(hash(2), result(2, true)),
      results.put(hash(3), result(3, true)),
      outbox.put(outboxEntry(5, [2]))
    ])
    expect(await pruning.prune()).toBe(1)
    expect(await results.get(hash(1))).toBeDefined()
    expect(await results.get(hash(2))).toBeDefined()
    expect(await results.get(hash(3))).toBeUndefined()
    await database.batch([outbox.del(5)])
    expect(await pruning.prune()).toBe(1)
    expect(clock.now()).toBeGreaterThan(defaultRetentionMs)
  })

  it('behavior: a lease that holds, and what was signed lately, stay', async () => {
    const { clock, database, pruning, leases, claims } = setUp()
    const nowMs = clock.now()
    await database.batch([
      leases.put(key(1), ownLease(1, { startMs: 1, expiresMs: nowMs + 5_000 })),
      claims.put({ job: key(1), startMs: nowMs - DAY_MS, source: 'self' })
    ])
    expect(await pruning.prune()).toBe(0)
  })

  it('behavior: however much there is, no batch is large, and others work in between', async () => {
    const { clock, database, results } = setUp()
    const puts = Array.from({ length: 2_300 }, (_, n) => results.put(hash(n), result(n, true)))
    await database.batch(puts)
    const sizes: number[] = []
    const counting = {
      ...database,
      async batch(operations: BatchOperation[]) {
        sizes.push(operations.length)
        await database.batch(operations)
      }
    }
    const pruning = pruner({ retentionMs: DAY_MS })({ database: counting, clock, logger: silentLogger() })
    const pruned = pruning.prune()
    for (let turn = 0; turn < 6; turn++) await clock.advance(1)
    expect(await pruned).toBe(2_300)
    expect(sizes).toEqual([500, 500, 500, 500, 300])
  })
})
