import { describe, expect, it } from 'vitest'
import { cluster, testTiming } from '../../helpers/worker-cluster.js'

const WARM_UP_MS = 3 * testTiming.presenceIntervalMs

describe('a worker that joins or was apart', () => {
  it('behavior: it learns of open jobs and who holds them from another worker, with no announcement', async () => {
    const network = await cluster({ executionMs: 20_000, sync: true })
    const first = await network.add({ capacity: 5 })
    await network.clock.advance(5_000)
    await network.announce(network.chain.create(12))
    await network.clock.advance(1_000)
    expect(first.worker.status()).toMatchObject({ openJobs: 12, runningJobs: 5 })
    const second = await network.add({ capacity: 20 })
    await network.clock.advance(500)
    expect(second.worker.status().openJobs).toBe(12)
    await network.clock.advance(5_000)
    // The seven that nobody held, and none of those that the first one runs.
    expect(second.worker.status().runningJobs).toBe(7)
    await network.clock.advance(40_000)
    expect(network.chain.finalisedBy.size).toBe(12)
    for (let jobId = 1n; jobId <= 12n; jobId++) expect(network.executions(jobId)).toBe(1)
  })

  it('behavior: equal nodes exchange a few hundred bytes', async () => {
    const network = await cluster({ executionMs: 1_000_000, sync: true })
    for (let n = 0; n < 2; n++) await network.add()
    await network.clock.advance(5_000)
    await network.announce(network.chain.create(200))
    await network.clock.advance(60_000)
    const before = { ...network.syncing.sent }
    await network.clock.advance(60_000)
    const requests = network.syncing.sent.requests - before.requests
    expect(requests).toBeGreaterThan(2)
    expect((network.syncing.sent.bytes - before.bytes) / requests).toBeLessThan(50)
  })

  it('behavior: one that lacks a few jobs is sent those, and little more', async () => {
    const network = await cluster({ executionMs: 1_000_000, sync: true })
    const [a, b] = [await network.add(), await network.add()]
    await network.clock.advance(5_000)
    await network.announce(network.chain.create(300))
    await network.clock.advance(2_000)
    network.net.cut(b.key)
    await network.clock.advance(10)
    await network.announce(network.chain.create(3))
    await network.clock.advance(10)
    network.net.heal(b.key)
    expect(b.worker.status().openJobs).toBe(300)
    const before = network.syncing.sent.bytes
    await network.clock.advance(60_000)
    expect(b.worker.status().openJobs).toBe(303)
    expect(a.worker.status().openJobs).toBe(303)
    expect(network.syncing.sent.bytes - before).toBeLessThan(12_000)
  })

  it('behavior: one that missed the end of jobs hears of it, and asks the chain', async () => {
    const network = await cluster({ executionMs: 3_000, sync: true })
    const [, b] = [await network.add({ models: ['bafyone'] }), await network.add({ models: ['bafytwo'] })]
    await network.clock.advance(5_000)
    await network.announce(network.chain.create(1, 'bafyone'))
    await network.clock.advance(1_000)
    network.net.cut(b.key)
    await network.clock.advance(5_000)
    expect(network.chain.finalisedBy.size).toBe(1)
    expect(b.worker.status().openJobs).toBe(1)
    network.net.heal(b.key)
    network.syncing.connected(b.key)
    await network.clock.advance(1_000)
    expect(b.worker.status().openJobs).toBe(0)
  })

  it('behavior: a proof of equivocation reaches who was not there', async () => {
    const network = await cluster({ executionMs: 1_000_000, sync: true })
    await network.add()
    const liar = await network.liar()
    await network.clock.advance(WARM_UP_MS)
    await liar.present()
    await network.clock.advance(20)
    const [job] = network.chain.create(1)
    if (job === undefined) throw new Error('no job')
    await network.announce([job])
    const { slotMs, leaseMs } = testTiming
    await network.clock.advance(slotMs - (network.clock.now() % slotMs))
    for (let n = 0; n < 2; n++) {
      const startMs = network.clock.now() + n
      const claim = { job: job.key, worker: liar.key, startMs, expiresMs: startMs + leaseMs }
      await liar.gossip.publishLeases([{ ...claim, sequence: 0, release: undefined }])
      await network.clock.advance(6)
    }
    await network.clock.advance(2_000)
    const late = await network.add()
    await network.clock.advance(1_000)
    await liar.present()
    await network.clock.advance(2_000)
    await liar.present()
    await network.clock.advance(100)
    // Of the two others, the one that lied is left out.
    expect(late.worker.status().peers).toBe(1)
  })
})
