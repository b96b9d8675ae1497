import { generateKeyPair } from '@libp2p/crypto/keys'
import { describe, expect, it } from 'vitest'
import { guardDatabase } from '../../../src/db/guard.js'
import { memoryDatabase } from '../../../src/db/memory-database.js'
import { resultRepository } from '../../../src/db/repositories/result.js'
import { gossip } from '../../../src/gossip/gossip.js'
import type { Database, Lease } from '../../../src/interface/index.js'
import { jobKey } from '../../../src/job/job-key.js'
import { slotOf } from '../../../src/lease/holder.js'
import { silentLogger } from '../../helpers/silent-logger.js'
import { type Cluster, cluster, testNetwork, testTiming } from '../../helpers/worker-cluster.js'
import { limitedDatabase } from './fixture.js'

const WARM_UP_MS = 3 * testTiming.presenceIntervalMs
/** L + Δ + ε */
const WAIT_MS = testTiming.leaseMs + testTiming.slotMs + testTiming.skewMs

/** All leases that anyone publishes from now on. */
async function listen({ net, clock }: Cluster): Promise<Lease[]> {
  const heard: Lease[] = []
  const ears = gossip({ network: testNetwork, timing: testTiming })({
    pubsub: net.join('ears'),
    privateKey: await generateKeyPair('Ed25519'),
    clock,
    logger: silentLogger(),
    jobKeyOf: reference => jobKey(testNetwork, reference),
    handlers: {
      onJobs() {},
      onLeases: leases => void heard.push(...leases),
      onResults() {},
      onPresence() {},
      isKnownJob: () => true
    }
  })
  await ears.start()
  return heard
}

/** Claims of one key for one job in one slot, beyond the first. */
function equivocations(leases: Lease[]): Lease[] {
  const starts = new Map<string, number>()
  return leases.filter(lease => {
    const place = `${lease.worker} ${lease.job} ${slotOf(lease, testTiming.slotMs)}`
    const known = starts.get(place) ?? lease.startMs
    starts.set(place, known)
    return known !== lease.startMs
  })
}

async function copyOf(database: Database): Promise<Database> {
  const copy = memoryDatabase()
  const all = { gte: new Uint8Array(), lt: Uint8Array.of(0xff) }
  for await (const [id, value] of database.entries(all)) await copy.batch([{ type: 'put', key: id, value }])
  return copy
}

describe('a worker with an older copy of its data', () => {
  it('behavior: it signs nothing twice, waits until all that it may have signed has run out, and works on', async () => {
    const network = await cluster({ executionMs: 3_000 })
    const heard = await listen(network)
    const privateKey = await generateKeyPair('Ed25519')
    const first = await network.add({ privateKey, capacity: 4 })
    await network.clock.advance(5_000)
    const jobs = network.chain.create(6)
    await network.announce(jobs)
    await network.clock.advance(1_000)
    const copy = await copyOf(first.database)
    await network.clock.advance(4_000)
    first.kill()
    const claimed = heard.length
    expect(claimed).toBeGreaterThan(4)

    const startedMs = network.clock.now()
    const restored = await network.add({ privateKey, capacity: 4, database: copy, isContinuous: false })
    network.net.heal(restored.key)
    await network.announce(jobs)
    await network.clock.advance(WAIT_MS - 100)
    expect(heard.length).toBe(claimed)
    await network.announce(jobs)
    await network.clock.advance(20_000)
    expect(network.chain.finalisedBy.size).toBe(6)
    expect(equivocations(heard)).toEqual([])
    for (const { startMs } of heard.slice(claimed))
      expect(startMs).toBeGreaterThanOrEqual(startedMs + WAIT_MS)
  })
})

describe('a worker whose disk is full', () => {
  it('behavior: it claims nothing, loses nothing that runs, and goes on by itself', async () => {
    const network = await cluster({ executionMs: 3_000 })
    const disk = limitedDatabase()
    const said: { level: string; message: string; fields: object }[] = []
    const database = guardDatabase({ database: disk, clock: network.clock, logger: silentLogger(said) })
    const { worker, events } = await network.add({ database, capacity: 2 })
    await network.clock.advance(5_000)
    const [running, waiting] = network.chain.create(2)
    if (running === undefined || waiting === undefined) throw new Error('no jobs')
    await network.announce([running])
    await network.clock.advance(1_000)
    expect(worker.status().runningJobs).toBe(1)

    disk.isFull = true
    // The execution ends, and its result cannot be stored; a renewal fails as well.
    await network.clock.advance(4_000)
    await network.announce([waiting])
    await network.clock.advance(1_000)
    expect(worker.status()).toMatchObject({ runningJobs: 1, openJobs: 2 })
    expect(network.chain.finalisedBy.size).toBe(0)
    expect(events.filter(({ type }) => type === 'lease:renewed')).toEqual([])

    disk.isFull = false
    await network.clock.advance(8_000)
    expect(network.chain.finalisedBy.size).toBe(2)
    expect([running, waiting].map(({ jobId }) => network.executions(jobId))).toEqual([1, 1])
    for (const { requestHash } of [running, waiting]) {
      expect(await resultRepository(database).get(requestHash)).toMatchObject({ settled: true })
    }
    expect(said.filter(({ level }) => level === 'error')).toHaveLength(1)
    await worker.stop()
  })

  it('behavior: its job goes to another worker once its lease has run out, and is finalised once', async () => {
    const network = await cluster({ executionMs: 2_000 })
    const disks = [limitedDatabase(), limitedDatabase()]
    for (const disk of disks) {
      await network.add({
        database: guardDatabase({ database: disk, clock: network.clock, logger: silentLogger() })
      })
    }
    await network.clock.advance(WARM_UP_MS)
    const [job] = network.chain.create(1)
    if (job === undefined) throw new Error('no job')
    await network.announce([job])
    await network.clock.advance(1_000)
    const holder = network.workers.findIndex(({ worker }) => worker.status().runningJobs === 1)
    const disk = disks[holder]
    if (disk === undefined) throw new Error('no holder')
    disk.isFull = true
    await network.clock.advance(testTiming.leaseMs + 10_000)
    expect(network.chain.finalisedBy.get(job.jobId)).toBe(network.workers[1 - holder]?.key)
    expect(network.workers[holder]?.worker.status()).toMatchObject({ runningJobs: 0, heldJobs: 0 })
  })
})

describe('a graceful stop', () => {
  it('behavior: it ends within its time, whatever runs, and with a disk that is full', async () => {
    for (const isFull of [false, true]) {
      const network = await cluster({ executionMs: 60_000 })
      const disk = limitedDatabase()
      const database = guardDatabase({ database: disk, clock: network.clock, logger: silentLogger() })
      const { worker } = await network.add({ database, capacity: 8 })
      await network.clock.advance(5_000)
      await network.announce(network.chain.create(8))
      await network.clock.advance(2_000)
      expect(worker.status().runningJobs).toBe(8)
      disk.isFull = isFull
      const startedMs = network.clock.now()
      let stoppedMs: number | undefined
      const stopped = Promise.resolve(worker.stop()).then(() => {
        stoppedMs = network.clock.now()
      })
      for (let step = 0; step < 70 && stoppedMs === undefined; step++) await network.clock.advance(100)
      await stopped
      // 5 s to drain, and a message or two.
      expect((stoppedMs ?? 0) - startedMs).toBeLessThanOrEqual(5_500)
      expect(worker.status()).toMatchObject({ runningJobs: 0 })
      await database.close()
    }
  })
})
