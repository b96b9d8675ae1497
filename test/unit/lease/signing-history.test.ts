import { describe, expect, it } from 'vitest'
import { memoryDatabase } from '../../../src/db/memory-database.js'
import { signedClaimRepository } from '../../../src/db/repositories/signed-claim.js'
import type { Candidate, Database, Lease } from '../../../src/interface/index.js'
import { ReleaseReason } from '../../../src/interface/index.js'
import { slotOf } from '../../../src/lease/holder.js'
import { ownLeases } from '../../../src/lease/own-leases.js'
import { type ManualClock, manualClock } from '../../helpers/manual-clock.js'
import { silentLogger } from '../../helpers/silent-logger.js'
import { testTiming as timing } from '../../helpers/worker-cluster.js'
import { key, reference } from '../db/fixtures/records.js'

const self = key(999)
/** L + Δ + ε */
const WAIT_MS = timing.leaseMs + timing.slotMs + timing.skewMs
/** Till a claim is allowed after any start. */
const NEXT_SLOT_MS = timing.slotMs + timing.skewMs

/** One run of a node's leases over a database. */
async function run(clock: ManualClock, database: Database, isContinuous = true) {
  const published: Lease[] = []
  const said: { level: string; message: string; fields: object }[] = []
  const own = ownLeases({
    self,
    timing,
    isContinuous,
    isClockRight: () => true,
    onExpired() {},
    onSigned() {}
  })({
    database,
    gossip: { publishLeases: async leases => void published.push(...leases) },
    clock,
    logger: silentLogger(said),
    emit() {}
  })
  const recovered = await own.recover()
  const candidate = (n: number): Candidate => ({
    reference: reference(n),
    model: 'bafytest',
    deadlineMs: clock.now() + 3_600_000
  })
  return { own, recovered, published, said, claim: (n: number) => own.claim(candidate(n)) }
}

async function copyOf(database: Database): Promise<Database> {
  const copy = memoryDatabase()
  const all = { gte: new Uint8Array(), lt: Uint8Array.of(0xff) }
  for await (const [id, value] of database.entries(all)) await copy.batch([{ type: 'put', key: id, value }])
  return copy
}

describe('what a node has signed', () => {
  it('behavior: whatever an earlier run signed in the slot of the start, nothing is signed there again', async () => {
    // The worst: the same slot, and a database that knows nothing and does not know that.
    const clock = manualClock(slotOf({ startMs: 1_700_000_000_000 }, timing.slotMs) * timing.slotMs)
    const first = await run(clock, memoryDatabase())
    await clock.advance(NEXT_SLOT_MS)
    const lease = await first.claim(1)
    first.own.stop()
    await clock.advance(1)
    const second = await run(clock, memoryDatabase())
    expect(await second.claim(1)).toBeUndefined()
    await clock.advance(NEXT_SLOT_MS)
    const again = await second.claim(1)
    expect(slotOf(again as Lease, timing.slotMs)).toBeGreaterThan(slotOf(lease as Lease, timing.slotMs))
    second.own.stop()
  })

  it('behavior: nor within ε after it, as another may have been at that by its clock', async () => {
    const clock = manualClock(slotOf({ startMs: 1_700_000_000_000 }, timing.slotMs) * timing.slotMs + 10)
    const node = await run(clock, memoryDatabase())
    await clock.advance(NEXT_SLOT_MS - 10 - 1)
    expect(await node.claim(1)).toBeUndefined()
    await clock.advance(1)
    expect(await node.claim(1)).toBeDefined()
    node.own.stop()
  })

  it('behavior: a lease that an old copy holds is not taken up, and nothing is claimed before all have run out', async () => {
    const clock = manualClock()
    const database = memoryDatabase()
    const first = await run(clock, database)
    await clock.advance(NEXT_SLOT_MS)
    await first.claim(1)
    const copy = await copyOf(database)
    await first.own.release(key(1), ReleaseReason.Failed)
    first.own.stop()

    const restored = await run(clock, copy, false)
    expect(restored.recovered).toEqual([])
    await clock.advance(WAIT_MS - 1)
    expect(await restored.claim(1)).toBeUndefined()
    expect(await restored.claim(2)).toBeUndefined()
    expect(restored.published).toEqual([])
    await clock.advance(1)
    expect(await restored.claim(1)).toBeDefined()
    restored.own.stop()
  })

  it('behavior: with all of it known, a lease that still holds is taken up', async () => {
    const clock = manualClock()
    const database = memoryDatabase()
    const first = await run(clock, database)
    await clock.advance(NEXT_SLOT_MS)
    const lease = await first.claim(1)
    first.own.stop()
    const second = await run(clock, database)
    expect(second.recovered.map(entry => entry.lease)).toEqual([lease])
    second.own.stop()
  })

  it('behavior: a lease of its own that it hears of and does not know is noted, said once, and waited out', async () => {
    const clock = manualClock()
    const database = memoryDatabase()
    const startMs = clock.now() - 3_000
    // An old snapshot of the whole disk: nothing in it shows that it is old.
    const restored = await run(clock, database)
    await clock.advance(1_000)
    const lease = {
      job: key(1),
      worker: self,
      startMs,
      expiresMs: startMs + 10_000,
      sequence: 1,
      release: undefined
    }
    await restored.own.heard([lease, { ...lease, job: key(2) }])
    expect(restored.said).toMatchObject([
      { level: 'error', message: expect.stringContaining('an older copy of the data was restored') }
    ])
    expect(await signedClaimRepository(database).get(key(1), startMs)).toMatchObject({ source: 'peers' })
    await clock.advance(WAIT_MS - 1_001)
    expect(await restored.claim(3)).toBeUndefined()
    await clock.advance(1)
    expect(await restored.claim(3)).toBeDefined()
    restored.own.stop()
  })

  it('behavior: while a twin with the same key signs, nothing is claimed', async () => {
    const clock = manualClock()
    const node = await run(clock, memoryDatabase())
    const twin = await run(clock, memoryDatabase())
    await clock.advance(NEXT_SLOT_MS)
    for (let n = 1; n <= 5; n++) {
      const lease = await twin.claim(n)
      await node.own.heard([lease as Lease])
      await clock.advance(WAIT_MS - 1)
      expect(await node.claim(100 + n)).toBeUndefined()
    }
    expect(node.said).toMatchObject([{ message: expect.stringContaining('Another node runs') }])
    twin.own.stop()
    node.own.stop()
  })

  it('behavior: what comes back of its own leases is no news, at any age', async () => {
    const clock = manualClock()
    const node = await run(clock, memoryDatabase())
    await clock.advance(NEXT_SLOT_MS)
    await node.claim(1)
    await clock.advance(5_000)
    await node.own.heard(node.published)
    await node.own.release(key(1), ReleaseReason.Failed)
    await node.own.heard(node.published)
    await clock.advance(1_000)
    await node.claim(1)
    await node.own.heard(node.published)
    await node.own.forget(key(1))
    await node.own.heard(node.published)
    expect(node.published.length).toBeGreaterThanOrEqual(4)
    expect(node.said).toEqual([])
    expect(node.own.quietUntilMs()).toBeLessThan(clock.now())
    node.own.stop()
  })

  it('behavior: where the clock was set back, a job is not claimed in a slot in which it was claimed before', async () => {
    const laterMs = 1_700_000_000_000
    const database = memoryDatabase()
    const ahead = manualClock(laterMs)
    const first = await run(ahead, database)
    await ahead.advance(NEXT_SLOT_MS)
    const lease = (await first.claim(1)) as Lease
    first.own.stop()

    const behind = manualClock(laterMs - 60_000)
    const second = await run(behind, database)
    await behind.advance(lease.startMs - behind.now() + 10)
    expect(slotOf({ startMs: behind.now() }, timing.slotMs)).toBe(slotOf(lease, timing.slotMs))
    expect(await second.claim(1)).toBeUndefined()
    expect(await second.claim(2)).toBeDefined()
    second.own.stop()
  })

  it('behavior: a claim that the disk does not take is not published, nor made again in its slot', async () => {
    const clock = manualClock()
    const database = memoryDatabase()
    let isFull = false
    const disk: Database = {
      ...database,
      batch: async operations => {
        if (isFull) throw new Error('No space left on device')
        await database.batch(operations)
      }
    }
    const node = await run(clock, disk)
    await clock.advance(NEXT_SLOT_MS)
    isFull = true
    await expect(node.claim(1)).rejects.toThrow('No space left')
    isFull = false
    // The disk may have taken it all the same.
    expect(await node.claim(1)).toBeUndefined()
    expect(node.published).toEqual([])
    await clock.advance(timing.slotMs)
    expect(await node.claim(1)).toBeDefined()
    isFull = true
    await clock.advance(5_000)
    expect(node.published).toHaveLength(1)
    // Nor is a release: the next start would take the lease up, while others have the job.
    await expect(node.own.release(key(1), ReleaseReason.Failed)).rejects.toThrow('No space left')
    expect(node.published).toHaveLength(1)
    node.own.stop()
  })
})
