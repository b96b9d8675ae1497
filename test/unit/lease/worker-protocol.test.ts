import { describe, expect, it } from 'vitest'
import type { Job } from '../../../src/interface/job.js'
import { ReleaseReason } from '../../../src/interface/lease.js'
import { score } from '../../../src/lease/score.js'
import { type Cluster, cluster, testTiming } from '../../helpers/worker-cluster.js'

/** Until the workers know each other and claim. */
const WARM_UP_MS = 3 * testTiming.presenceIntervalMs

async function start(
  count: number,
  init: Parameters<typeof cluster>[0] = {},
  capacity = 1
): Promise<Cluster> {
  const network = await cluster(init)
  for (let n = 0; n < count; n++) await network.add({ capacity })
  await network.clock.advance(WARM_UP_MS)
  return network
}

describe('workers', () => {
  it('behavior: without faults each job is run once, by its owner, whatever the number of workers (I2)', async () => {
    const network = await start(5, {}, 10)
    const jobs = network.chain.create(40)
    await network.announce(jobs)
    await network.clock.advance(3_000)
    for (const { jobId } of jobs) {
      expect(network.chain.finalisedBy.has(jobId)).toBe(true)
      expect(network.executions(jobId)).toBe(1)
    }
    expect(new Set(network.chain.finalisedBy.values()).size).toBeGreaterThan(2)
  })

  it('behavior: a backlog beyond the capacity is worked off, each job once', async () => {
    const network = await start(3, { executionMs: 150 })
    const jobs = network.chain.create(100)
    await network.announce(jobs)
    await network.clock.advance(60_000)
    expect(network.chain.finalisedBy.size).toBe(100)
    expect(jobs.map(({ jobId }) => network.executions(jobId)).filter(count => count !== 1)).toEqual([])
    for (const { worker } of network.workers)
      expect(worker.status()).toMatchObject({ openJobs: 0, heldJobs: 0 })
  })

  it('behavior: who takes over from a busy owner claims in the second quarter of a slot only, so that the owner may still win', async () => {
    const network = await start(2, { executionMs: 150 })
    const [owner, other] = network.workers
    if (owner === undefined || other === undefined) throw new Error('no workers')
    const owners = network.chain
      .create(200)
      .filter(({ key }) => score(key, owner.key) < score(key, other.key))
    expect(owners.length).toBeGreaterThan(40)
    await network.announce(owners.slice(0, 40))
    await network.clock.advance(20_000)
    expect(network.chain.finalisedBy.size).toBe(40)
    const phases = other.events.flatMap(event =>
      event.type === 'lease:claimed' ? [event.startMs % testTiming.slotMs] : []
    )
    expect(phases.length).toBeGreaterThan(0)
    expect(Math.min(...phases)).toBeGreaterThanOrEqual(testTiming.slotMs / 4)
    expect(Math.max(...phases)).toBeLessThanOrEqual(testTiming.slotMs / 2)
  })

  it('behavior: messages for a job do not grow with the number of workers (I7)', async () => {
    const perJob: number[] = []
    for (const count of [2, 12]) {
      const network = await start(count, {}, 100)
      const before = network.net.published('leases')
      const jobs = network.chain.create(30)
      for (const job of jobs) {
        await network.announce([job])
        await network.clock.advance(10)
      }
      await network.clock.advance(1_000)
      expect(network.chain.finalisedBy.size).toBe(30)
      perJob.push((network.net.published('leases') - before) / 30)
    }
    const [few, many] = perJob as [number, number]
    expect(many).toBeLessThanOrEqual(few * 1.5)
  })

  it('behavior: a job of a worker that dies is taken over after its lease, once', async () => {
    const network = await start(3, { executionMs: 2_000 })
    const [job] = network.chain.create(1)
    if (job === undefined) throw new Error('no job')
    await network.announce([job])
    await network.clock.advance(1_000)
    const holder = network.workers.find(({ worker }) => worker.status().runningJobs === 1)
    holder?.kill()
    await network.clock.advance(testTiming.leaseMs + 2 * testTiming.slotMs + 3_000)
    expect(network.chain.status(job.jobId)).toBe(2)
    expect(network.chain.finalisedBy.get(job.jobId)).not.toBe(holder?.key)
    expect(network.executions(job.jobId)).toBe(2)
  })

  it('behavior: an owner that stood still begins nothing before it has read what others claimed meanwhile', async () => {
    const network = await start(2, { executionMs: 5_000 })
    const [late, other] = network.workers
    if (late === undefined || other === undefined) throw new Error('no workers')
    const job = network.chain.create(60).find(({ key }) => score(key, late.key) < score(key, other.key))
    if (job === undefined) throw new Error('no job of its own')
    late.stall(1_500)
    await network.announce([job])
    await network.clock.advance(1_400)
    expect(other.worker.status().runningJobs).toBe(1)
    await network.clock.advance(8_000)
    expect(network.chain.finalisedBy.get(job.jobId)).toBe(other.key)
    expect(network.executions(job.jobId)).toBe(1)
  })

  it('behavior: a worker that shuts down finishes what it runs, and its waiting jobs go to others', async () => {
    const network = await start(2, { executionMs: 1_000 })
    const jobs = network.chain.create(6)
    await network.announce(jobs)
    await network.clock.advance(300)
    const leaving = network.workers[0]
    const stopped = leaving?.worker.stop()
    await network.clock.advance(10_000)
    await stopped
    await network.clock.advance(20_000)
    expect(network.chain.finalisedBy.size).toBe(6)
    expect(jobs.map(({ jobId }) => network.executions(jobId))).toEqual([1, 1, 1, 1, 1, 1])
  })

  it('behavior: a job cut off by a shutdown is released, and taken over at once', async () => {
    const network = await start(2, { executionMs: 8_000 })
    const [job] = network.chain.create(1)
    if (job === undefined) throw new Error('no job')
    await network.announce([job])
    await network.clock.advance(1_000)
    const leaving = network.workers.find(({ worker }) => worker.status().runningJobs === 1)
    const stopped = leaving?.worker.stop()
    await network.clock.advance(5_000)
    await stopped
    expect(leaving?.events).toContainEqual(
      expect.objectContaining({ type: 'lease:released', reason: ReleaseReason.ShuttingDown })
    )
    await network.clock.advance(2 * testTiming.slotMs)
    expect(network.executions(job.jobId)).toBe(2)
  })

  it('behavior: both sides of a partition may run a job; one holder is left soon after it heals (I3, I5)', async () => {
    const network = await start(2, { executionMs: 5_000 })
    const [a, b] = network.workers
    if (a === undefined || b === undefined) throw new Error('no workers')
    network.net.cut(a.key)
    await network.clock.advance(5_000)
    const [job] = network.chain.create(1)
    if (job === undefined) throw new Error('no job')
    // Only b hears of it; a hears of it after healing, while b works.
    await network.announce([job])
    await network.clock.advance(1_000)
    expect(b.worker.status().runningJobs).toBe(1)
    network.net.heal(a.key)
    await network.announce([{ ...job }])
    await network.clock.advance(10_000)
    expect(network.chain.finalisedBy.get(job.jobId)).toBe(b.key)
  })

  it('behavior: a model that no live worker has fails on chain after a grace time, once', async () => {
    const network = await start(3)
    const [job] = network.chain.create(1, 'bafynobody')
    if (job === undefined) throw new Error('no job')
    await network.announce([job])
    await network.clock.advance(4_000)
    expect(network.executions(job.jobId)).toBe(0)
    await network.clock.advance(5_000)
    expect(network.chain.finalisedBy.size).toBe(1)
    const finished = network.workers
      .flatMap(({ events }) => events)
      .filter(event => event.type === 'execution:finished')
    expect(finished).toMatchObject([{ success: false, code: 4 }])
  })

  it('behavior: a model that one worker has is left to it, however busy it is', async () => {
    const network = await cluster({ executionMs: 3_000 })
    await network.add({ models: ['bafyone'] })
    await network.add({ models: ['bafytwo'] })
    await network.clock.advance(WARM_UP_MS)
    const jobs = network.chain.create(4, 'bafytwo')
    await network.announce(jobs)
    await network.clock.advance(15_000)
    expect([...network.chain.finalisedBy.values()]).toEqual(Array(4).fill(network.workers[1]?.key))
  })

  it('behavior: a holder whose results do not reach the chain hands its job on, and nobody waits for the deadline (I4)', async () => {
    const network = await cluster({ executionMs: 100 })
    let isDown = true
    const broken = await network.add({ reachesChain: () => !isDown })
    const sound = await network.add()
    await network.clock.advance(WARM_UP_MS)
    // Keys are drawn, so it is chance whose a job is.
    const isBrokens = ({ key }: Job): boolean => score(key, broken.key) < score(key, sound.key)
    const drawn = network.chain.create(60)
    const jobs = [...drawn.filter(isBrokens).slice(0, 3), ...drawn.filter(job => !isBrokens(job)).slice(0, 3)]
    await network.announce(jobs)
    await network.clock.advance(5_000)
    const stuck = jobs.filter(({ jobId }) => network.chain.finalisedBy.get(jobId) === undefined)
    expect(stuck.length).toBeGreaterThan(0)
    // A minute is far from their deadline, and no lease was let run out.
    await network.clock.advance(6 * testTiming.leaseMs)
    expect(stuck.map(({ jobId }) => network.chain.finalisedBy.get(jobId))).toEqual(stuck.map(() => sound.key))
    isDown = false
    const [last] = network.chain.create(1)
    if (last === undefined) throw new Error('no job')
    await network.announce([last])
    await network.clock.advance(5_000)
    expect(network.chain.finalisedBy.size).toBe(7)
    expect(broken.events.filter(({ type }) => type === 'lease:released').length).toBe(stuck.length)
  })

  it('behavior: a restarted worker takes up the lease that it still holds', async () => {
    const network = await cluster({ executionMs: 1_000 })
    const { generateKeyPair } = await import('@libp2p/crypto/keys')
    const privateKey = await generateKeyPair('Ed25519')
    const first = await network.add({ privateKey })
    await network.clock.advance(5_000)
    const jobs = network.chain.create(1)
    await network.announce(jobs)
    await network.clock.advance(500)
    expect(first.worker.status().heldJobs).toBe(1)
    first.kill()
    network.net.heal(first.key)
    await network.add({ privateKey, database: first.database })
    await network.clock.advance(2_000)
    expect(network.chain.finalisedBy.get(1n)).toBe(first.key)
  })
})
