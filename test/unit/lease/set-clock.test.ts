import { expect, it } from 'vitest'
import { ProcessError } from '../../../src/interface/index.js'
import { type Cluster, cluster, testTiming } from '../../helpers/worker-cluster.js'

const HOUR_MS = 3_600_000
const WARM_UP_MS = 5 * testTiming.presenceIntervalMs

async function announceOne(network: Cluster): Promise<bigint> {
  const jobs = network.chain.create(1)
  await network.announce(jobs)
  return jobs[0]?.jobId ?? 0n
}

it('behavior: a worker tries a job again after its pause though the clock was set back by an hour', async () => {
  const network = await cluster()
  let tries = 0
  await network.add({
    execute: async () => {
      if (++tries === 1) throw new ProcessError('the model does not start')
      const receipt = {
        runtime: 'test',
        runtimeVersion: '0',
        manifest: '',
        cpu: '',
        outputHash: '0x'
      } as const
      return { success: true, output: '0x', receipt }
    }
  })
  await network.clock.advance(WARM_UP_MS)
  const jobId = await announceOne(network)
  await network.clock.advance(1_000)
  expect(tries).toBe(1)
  network.clock.step(-HOUR_MS)
  await network.clock.advance(testTiming.leaseMs + 1_000)
  expect(tries).toBe(2)
  expect(network.chain.finalisedBy.has(jobId)).toBe(true)
})

it('behavior: the job of a worker that is gone is taken over though the clock was set back by an hour', async () => {
  const network = await cluster({ executionMs: 3_000 })
  for (let n = 0; n < 2; n++) await network.add()
  await network.clock.advance(WARM_UP_MS)
  const jobId = await announceOne(network)
  await network.clock.advance(1_000)
  const holder = network.workers.find(({ events }) => events.some(({ type }) => type === 'execution:started'))
  holder?.kill()
  network.clock.step(-HOUR_MS)
  await network.clock.advance(testTiming.leaseMs + 3_000 + 4 * testTiming.slotMs)
  expect(network.chain.finalisedBy.has(jobId)).toBe(true)
})
