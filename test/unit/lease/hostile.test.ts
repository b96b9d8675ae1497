import { describe, expect, it, onTestFinished } from 'vitest'
import type { Job, Lease } from '../../../src/interface/index.js'
import { MAX_HOLD_MS } from '../../../src/lease/overdue.js'
import { type Cluster, cluster, type Liar, testTiming } from '../../helpers/worker-cluster.js'

const { leaseMs, slotMs, presenceIntervalMs } = testTiming
const WARM_UP_MS = 3 * presenceIntervalMs

async function one(init: Parameters<typeof cluster>[0] = {}, workers = 1): Promise<Cluster> {
  const network = await cluster(init)
  for (let n = 0; n < workers; n++) await network.add()
  await network.clock.advance(WARM_UP_MS)
  return network
}

function jobOf(network: Cluster): Job {
  const [job] = network.chain.create(1)
  if (job === undefined) throw new Error('no job')
  return job
}

/** Presence at every interval until the test ends. */
function presentAlways(network: Cluster, liar: Liar): { silent: boolean } {
  const state = { silent: false }
  let running = true
  onTestFinished(() => {
    running = false
  })
  const tick = (): void => {
    if (!running) return
    if (!state.silent) void liar.present()
    network.clock.schedule(presenceIntervalMs, tick)
  }
  tick()
  return state
}

const leaseOf = (network: Cluster, liar: Liar, job: Job, fields: Partial<Lease> = {}): Lease => ({
  job: job.key,
  worker: liar.key,
  startMs: network.clock.now(),
  expiresMs: network.clock.now() + leaseMs,
  sequence: 0,
  release: undefined,
  ...fields
})

describe('a worker that lies about time', () => {
  it('behavior: a renewal of a claim that nobody saw wins no work that another has begun', async () => {
    const network = await one({ executionMs: 8_000 })
    const liar = await network.liar()
    presentAlways(network, liar)
    await network.clock.advance(5_000)
    const job = jobOf(network)
    await network.announce([job])
    await network.clock.advance(5_000)
    const [honest] = network.workers
    expect(honest?.worker.status().runningJobs).toBe(1)
    const startMs = network.clock.now() - 9_000
    await liar.gossip.publishLeases([leaseOf(network, liar, job, { startMs, sequence: 3 })])
    await network.clock.advance(6_000)
    expect(network.chain.finalisedBy.get(job.jobId)).toBe(honest?.key)
    expect(network.executions(job.jobId)).toBe(1)
  })

  it('behavior: a lease that ran out and is renewed all the same wins nothing back', async () => {
    const network = await one({ executionMs: 8_000 })
    const liar = await network.liar()
    presentAlways(network, liar)
    await network.clock.advance(5_000)
    const job = jobOf(network)
    await network.announce([job])
    await liar.gossip.publishLeases([leaseOf(network, liar, job, { expiresMs: network.clock.now() + 1_000 })])
    const startMs = network.clock.now()
    await network.clock.advance(6_000)
    const [honest] = network.workers
    expect(honest?.worker.status().runningJobs).toBe(1)
    await liar.gossip.publishLeases([leaseOf(network, liar, job, { startMs, sequence: 1 })])
    await network.clock.advance(8_000)
    expect(network.chain.finalisedBy.get(job.jobId)).toBe(honest?.key)
    expect(network.executions(job.jobId)).toBe(1)
  })

  it('behavior: after a partition heals, the earlier claim is the one holder, soon, on both sides (I3)', async () => {
    const network = await one({ executionMs: 60_000 }, 2)
    const [a, b] = network.workers
    if (a === undefined || b === undefined) throw new Error('no workers')
    await network.clock.advance(5_000)
    const job = jobOf(network)
    network.net.cut(a.key)
    // b claims and runs while a is away; a hears of the job behind the partition, and claims it later.
    await network.announce([job])
    await network.clock.advance(5_000)
    expect(b.worker.status().runningJobs).toBe(1)
    network.net.heal(a.key)
    network.net.cut(b.key)
    await network.clock.advance(4_000)
    await network.announce([job])
    await network.clock.advance(6_000)
    expect([a, b].map(({ worker }) => worker.status().runningJobs)).toEqual([1, 1])
    network.net.heal(b.key)
    await network.clock.advance(leaseMs / 2 + 2 * presenceIntervalMs)
    expect([a, b].map(({ worker }) => worker.status().runningJobs)).toEqual([0, 1])
  })

  it('behavior: who claims because it missed a claim is told of it, and gives way', async () => {
    const network = await one({ executionMs: 5_000 })
    const liar = await network.liar()
    presentAlways(network, liar)
    await network.clock.advance(2_000)
    const job = jobOf(network)
    await network.announce([job])
    await network.clock.advance(2_000)
    const before = network.net.published('leases')
    await liar.gossip.publishLeases([leaseOf(network, liar, job)])
    await network.clock.advance(50)
    // The liar's claim, and the holder's answer.
    expect(network.net.published('leases') - before).toBe(2)
    expect(network.workers[0]?.worker.status().runningJobs).toBe(1)
  })
})

describe('a worker that claims and does not work', () => {
  /** A job that the liar has held for long, by a lease that it renews, or gives up and claims again. */
  async function hoarded(keep: (network: Cluster, liar: Liar, job: Job) => Promise<void>) {
    const network = await one({ executionMs: 300 }, 2)
    const liar = await network.liar()
    presentAlways(network, liar)
    await network.clock.advance(5_000)
    const job = jobOf(network)
    await liar.gossip.publishLeases([leaseOf(network, liar, job)])
    await network.announce([job])
    const startMs = network.clock.now()
    while (network.clock.now() < startMs + MAX_HOLD_MS - leaseMs) {
      await network.clock.advance(leaseMs / 2)
      await keep(network, liar, job)
      expect(network.executions(job.jobId)).toBe(0)
    }
    for (let times = 0; times < 8; times++) {
      await network.clock.advance(leaseMs / 2)
      await keep(network, liar, job)
    }
    return { network, job }
  }

  it('behavior: hoarding keeps a job from others for ten minutes, then one of them does it', async () => {
    let sequence = 0
    let startMs: number | undefined
    const { network, job } = await hoarded(async (net, liar, hoardedJob) => {
      startMs ??= net.clock.now() - leaseMs / 2
      await liar.gossip.publishLeases([leaseOf(net, liar, hoardedJob, { startMs, sequence: ++sequence })])
    })
    expect(network.executions(job.jobId)).toBe(1)
    expect(network.chain.finalisedBy.has(job.jobId)).toBe(true)
  })
})

describe('a worker that claims twice in one slot', () => {
  it('behavior: both claims are void at every node, the proof spreads, and the worker is left out', async () => {
    const network = await one({ executionMs: 300 }, 3)
    const liar = await network.liar()
    const presence = presentAlways(network, liar)
    await network.clock.advance(5_000)
    const job = jobOf(network)
    // The start of a slot, so that both claims fall into it.
    await network.clock.advance(slotMs - (network.clock.now() % slotMs))
    const first = leaseOf(network, liar, job)
    const second = leaseOf(network, liar, job, { startMs: network.clock.now() + 1 })
    // A part of the network sees one claim only.
    const [apart] = network.workers
    if (apart === undefined) throw new Error('no worker')
    await network.announce([job])
    await liar.gossip.publishLeases([first])
    await network.clock.advance(6)
    network.net.cut(apart.key)
    await liar.gossip.publishLeases([second])
    await network.clock.advance(6)
    network.net.heal(apart.key)
    expect(network.workers.map(({ worker }) => worker.status().peers)).toEqual([3, 2, 2])
    await network.clock.advance(2 * slotMs)
    expect(network.workers.map(({ worker }) => worker.status().peers)).toEqual([2, 2, 2])
    await network.clock.advance(3_000)
    expect(network.chain.finalisedBy.has(job.jobId)).toBe(true)
    expect(network.executions(job.jobId)).toBe(1)

    // What it claims now counts for nothing.
    const next = jobOf(network)
    await network.announce([next])
    await liar.gossip.publishLeases([leaseOf(network, liar, next)])
    await network.clock.advance(3_000)
    expect(network.chain.finalisedBy.has(next.jobId)).toBe(true)
    expect(presence.silent).toBe(false)
    // Ten minutes after its leases would have ended it may begin anew.
    await network.clock.advance(600_000 + leaseMs)
    expect(network.workers.map(({ worker }) => worker.status().peers)).toEqual([3, 3, 3])
  }, 120_000)
})
