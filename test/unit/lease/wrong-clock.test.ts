import { describe, expect, it } from 'vitest'
import type { Job } from '../../../src/interface/job.js'
import { score } from '../../../src/lease/score.js'
import { type Cluster, cluster, testTiming } from '../../helpers/worker-cluster.js'

const WARM_UP_MS = 3 * testTiming.presenceIntervalMs

/** Three workers with right clocks, and one whose clock a test sets. */
async function start(init: Parameters<typeof cluster>[0], errorMs: () => number) {
  const network = await cluster(init)
  for (let n = 0; n < 3; n++) await network.add({ capacity: 2 })
  const astray = await network.add({ capacity: 2, clockErrorMs: errorMs })
  await network.clock.advance(WARM_UP_MS)
  return { network, astray }
}

/** Announces jobs that are one worker's by rank. Each is run once; how many of them by that worker is returned. */
async function run(network: Cluster, key: string): Promise<number> {
  const isOwn = ({ key: job }: Job): boolean =>
    network.workers.every(other => score(job, key) <= score(job, other.key))
  const jobs = network.chain.create(100).filter(isOwn).slice(0, 5)
  expect(jobs).toHaveLength(5)
  for (const job of jobs) {
    await network.announce([job])
    await network.clock.advance(1_000)
  }
  await network.clock.advance(5_000)
  expect(jobs.filter(({ jobId }) => network.executions(jobId) !== 1)).toEqual([])
  return jobs.filter(({ jobId }) => network.chain.finalisedBy.get(jobId) === key).length
}

describe('a worker whose clock is wrong', () => {
  it.each([-4_000, 4_000, -600_000])(
    'behavior: from its start by %i ms: it claims nothing, says so, and takes part when its clock is right',
    async errorMs => {
      let offMs = errorMs
      const { network, astray } = await start({}, () => offMs)
      expect(await run(network, astray.key)).toBe(0)
      expect(astray.said.map(({ level, message }) => [level, message.includes('run NTP')])).toEqual([
        ['error', true]
      ])
      expect(astray.worker.status().isClockRight).toBe(false)
      expect(network.workers.filter(({ said }) => said.length > 0)).toEqual([astray])
      offMs = 0
      await network.clock.advance(testTiming.leaseMs)
      expect(network.workers.every(({ worker }) => worker.status().isClockRight)).toBe(true)
      expect(await run(network, astray.key)).toBe(5)
    }
  )

  it('behavior: from its start ahead by more than half a minute: it hears of no job in time, and warns', async () => {
    let offMs = 600_000
    const { network, astray } = await start({}, () => offMs)
    expect(await run(network, astray.key)).toBe(0)
    expect(astray.said.map(({ level, message }) => [level, message.includes('run NTP')])).toEqual([
      ['warn', true]
    ])
    offMs = 0
    await network.clock.advance(testTiming.leaseMs)
    expect(await run(network, astray.key)).toBe(5)
  })

  it.each([-3_000, 3_000])(
    'behavior: set off by %i ms while it runs: from then on it claims nothing',
    async stepMs => {
      let offMs = 0
      const { network, astray } = await start({}, () => offMs)
      offMs = stepMs
      expect(await run(network, astray.key)).toBe(0)
    }
  )

  it('behavior: where all messages are late for all, nobody takes its own clock for wrong for long, and all jobs are run', async () => {
    const network = await cluster({ delayMs: 2_500 })
    for (let n = 0; n < 4; n++) await network.add({ capacity: 2 })
    await network.clock.advance(2 * testTiming.leaseMs)
    expect(network.workers.map(({ worker }) => worker.status().isClockRight)).toEqual([
      true,
      true,
      true,
      true
    ])
    await network.announce(network.chain.create(5))
    await network.clock.advance(20_000)
    expect(network.chain.finalisedBy.size).toBe(5)
  })

  it('behavior: of two workers whose clocks differ both go on, as none can tell, and both say so', async () => {
    const network = await cluster()
    await network.add({ capacity: 2 })
    await network.add({ capacity: 2, clockErrorMs: () => 4_000 })
    await network.clock.advance(2 * WARM_UP_MS)
    const jobs = network.chain.create(5)
    await network.announce(jobs)
    await network.clock.advance(10_000)
    expect(network.chain.finalisedBy.size).toBe(5)
    for (const { said } of network.workers) expect(said).toMatchObject([{ level: 'warn' }])
  })
})
