import { describe, expect, it } from 'vitest'
import { memoryDatabase } from '../../../src/db/memory-database.js'
import type { Job } from '../../../src/interface/index.js'
import { leaseBook } from '../../../src/lease/lease-book.js'
import { type Cluster, cluster, testTiming } from '../../helpers/worker-cluster.js'

const WARM_UP_MS = 3 * testTiming.presenceIntervalMs

const first = (jobs: Job[]): Job => {
  const [job] = jobs
  if (job === undefined) throw new Error('no job')
  return job
}

const finished = (network: Cluster): Promise<void> => network.clock.advance(5_000)

describe('what a worker does not keep', () => {
  it('behavior: jobs that nobody finished leave at their deadline, those of others too', async () => {
    const network = await cluster({ executionMs: 10_000_000 })
    await network.add({ models: ['bafyone'] })
    const other = await network.add({ models: ['bafytwo'] })
    await network.clock.advance(WARM_UP_MS)
    const jobs = [...network.chain.create(5, 'bafyone'), ...network.chain.create(5, 'bafytwo')]
    await network.announce(jobs)
    await network.clock.advance(1_000)
    other.kill()
    expect(network.workers[0]?.worker.status().openJobs).toBe(10)
    await network.clock.advance(3_600_000 + 10_000)
    expect(network.workers[0]?.worker.status()).toMatchObject({ openJobs: 0, heldJobs: 0, runningJobs: 0 })
    // Announced again, it is not looked at again.
    await network.announce(jobs)
    await network.clock.advance(1_000)
    expect(network.workers[0]?.worker.status().openJobs).toBe(0)
  }, 120_000)

  it('behavior: an orphaned job leaves everywhere, though nobody tells of it', async () => {
    const network = await cluster({ executionMs: 3_000_000 })
    for (const models of [['bafyone'], ['bafytwo']]) await network.add({ models })
    await network.clock.advance(WARM_UP_MS)
    const jobs = network.chain.create(3, 'bafyone')
    await network.announce(jobs)
    await network.clock.advance(1_000)
    for (const job of jobs.slice(1)) {
      network.chain.orphan(job)
      network.chain.finalisedBy.delete(job.jobId)
    }
    await network.clock.advance(60_000)
    expect(network.workers.map(({ worker }) => worker.status().openJobs)).toEqual([1, 1])
  })

  it('behavior: a job that a reorg mined again takes the place of the orphaned one at once', async () => {
    const network = await cluster({ executionMs: 20_000 })
    for (const models of [['bafyone'], ['bafytwo']]) await network.add({ models })
    await network.clock.advance(WARM_UP_MS)
    const job = first(network.chain.create(1, 'bafytwo'))
    await network.announce([job])
    await network.clock.advance(1_000)
    network.chain.orphan(job)
    const again = network.chain.remine(job)
    await network.announce([again])
    await network.clock.advance(1_000)
    expect(network.workers.map(({ worker }) => worker.status().openJobs)).toEqual([1, 1])
  })

  it('behavior: a result that a reorg takes back is sent again, not computed again', async () => {
    const network = await cluster({ executionMs: 500 })
    for (let n = 0; n < 2; n++) await network.add({ capacity: 10 })
    await network.clock.advance(WARM_UP_MS)
    const jobs = network.chain.create(10)
    await network.announce(jobs)
    await finished(network)
    const before = new Map(network.chain.finalisedBy)
    expect(before.size).toBe(10)
    const again = jobs.map(job => {
      network.chain.reopen(job.jobId)
      network.chain.orphan(job)
      return network.chain.remine(job)
    })
    await network.announce(again)
    await finished(network)
    // By whoever has the result, though the keys, and so the owners, are others.
    expect(network.chain.finalisedBy).toEqual(before)
    for (const { key, events, submitted } of network.workers) {
      const own = again.filter(({ jobId }) => before.get(jobId) === key)
      expect(submitted).toEqual(expect.arrayContaining(own.map(job => job.key)))
      expect(events.filter(({ type }) => type === 'execution:finished')).toHaveLength(own.length)
    }
  })

  it('behavior: a result that a reorg takes back is sent again though the job kept its place', async () => {
    const network = await cluster({ executionMs: 500 })
    await network.add()
    await network.clock.advance(WARM_UP_MS)
    const job = first(network.chain.create(1))
    await network.announce([job])
    await finished(network)
    network.chain.reopen(job.jobId)
    await network.clock.advance(60_000)
    await network.announce([job])
    await finished(network)
    expect(network.chain.status(job.jobId)).toBe(2)
    expect(network.executions(job.jobId)).toBe(1)
  })

  it('behavior: the book keeps no leases of jobs that have left', () => {
    const book = leaseBook({ slotMs: testTiming.slotMs })
    const lease = { worker: 'a', startMs: 1, expiresMs: 9, sequence: 0, release: undefined }
    for (let n = 0; n < 100; n++) book.add({ ...lease, job: `${n % 10}`, startMs: n * 1_000 })
    expect(book.size).toBe(80)
    for (let n = 0; n < 10; n++) book.forget(`${n}`)
    expect([book.size, book.claimsSince('a', 0)]).toEqual([0, 0])
  })
})

describe('a worker whose own means fail', () => {
  it('behavior: it leaves the job to others, though it is the owner of it', async () => {
    const network = await cluster({ executionMs: 100 })
    let tries = 0
    const broken = await network.add({
      execute: () => {
        tries++
        return Promise.reject(new Error('the child does not start'))
      }
    })
    await network.add()
    await network.clock.advance(WARM_UP_MS)
    const jobs = network.chain.create(20)
    await network.announce(jobs)
    await network.clock.advance(20_000)
    expect(network.chain.finalisedBy.size).toBe(20)
    expect([...network.chain.finalisedBy.values()]).not.toContain(broken.key)
    expect(tries).toBeLessThanOrEqual(30)
  })

  it('behavior: alone, it tries again, less and less often', async () => {
    const network = await cluster({ executionMs: 100 })
    let tries = 0
    await network.add({
      execute: () => {
        tries++
        return Promise.reject(new Error('the child does not start'))
      }
    })
    await network.clock.advance(5_000)
    await network.announce(network.chain.create(1))
    await network.clock.advance(600_000)
    expect(tries).toBeGreaterThan(4)
    expect(tries).toBeLessThan(12)
  })

  it('behavior: a claim that could not be published is not kept and renewed; the job is tried again', async () => {
    const network = await cluster()
    const worker = await network.add({ capacity: 2 })
    await network.clock.advance(5_000)
    network.net.failPublish(worker.key, 'leases', 1)
    await network.announce(network.chain.create(1))
    await network.clock.advance(3_000)
    expect(network.chain.finalisedBy.size).toBe(1)
    expect(worker.worker.status()).toMatchObject({ heldJobs: 0, openJobs: 0 })
  })
})

describe('a worker that stops', () => {
  it('behavior: while a claim is under way, nothing is left held, run or timed', async () => {
    const network = await cluster({ executionMs: 100 })
    const gate = Promise.withResolvers<void>()
    const database = memoryDatabase()
    let isSlow = false
    const slow = {
      ...database,
      batch: async (...args: Parameters<typeof database.batch>) => {
        if (isSlow) await gate.promise
        await database.batch(...args)
      }
    }
    const { worker, events } = await network.add({ database: slow })
    await network.clock.advance(5_000)
    isSlow = true
    await network.announce(network.chain.create(1))
    await network.clock.advance(100)
    const stopped = worker.stop()
    await network.clock.advance(100)
    gate.resolve()
    await network.clock.advance(10_000)
    await stopped
    expect(worker.status()).toMatchObject({ heldJobs: 0, runningJobs: 0 })
    expect(events.map(({ type }) => type)).toContain('lease:released')
    expect(events.map(({ type }) => type)).not.toContain('execution:started')
    const published = network.net.published('leases')
    await network.clock.advance(60_000)
    expect(network.net.published('leases')).toBe(published)
  })
})
