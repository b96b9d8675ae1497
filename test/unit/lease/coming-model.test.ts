import { expect, it } from 'vitest'
import { FailureCode } from '../../../src/interface/index.js'
import { type Cluster, type ClusterWorker, cluster, testModel } from '../../helpers/worker-cluster.js'

/** A network whose one worker has no model, and fetches it. */
async function fetchingWorker(): Promise<{
  network: Cluster
  worker: ClusterWorker
  models: string[]
  fetch: { isOn: boolean }
}> {
  const network = await cluster({})
  const models: string[] = []
  const fetch = { isOn: true }
  const worker = await network.add({ models, isComing: model => model === testModel && fetch.isOn })
  await network.clock.advance(60_000)
  return { network, worker, models, fetch }
}

const finished = ({ events }: ClusterWorker) => events.filter(event => event.type === 'execution:finished')

it('behavior: a job whose model is being fetched waits for it, and runs when it is here', async () => {
  const { network, worker, models, fetch } = await fetchingWorker()
  const [job] = network.chain.create(1)
  if (job === undefined) throw new Error('no job')
  await network.announce([job])
  await network.clock.advance(60_000)
  expect(network.net.published('leases')).toBe(0)
  models.push(testModel)
  fetch.isOn = false
  await network.clock.advance(5_000)
  expect(finished(worker)).toMatchObject([{ success: true }])
  expect(network.chain.finalisedBy.has(job.jobId)).toBe(true)
})

it('behavior: a job whose model could not be fetched fails soon after', async () => {
  const { network, worker, fetch } = await fetchingWorker()
  const jobs = network.chain.create(1)
  await network.announce(jobs)
  await network.clock.advance(20_000)
  expect(finished(worker)).toEqual([])
  fetch.isOn = false
  await network.clock.advance(5_000)
  expect(finished(worker)).toMatchObject([{ success: false, code: FailureCode.UnknownModel }])
})

it('behavior: a model that has come is of use at once, though the one that had it cannot run the job, and nothing else happens', async () => {
  const network = await cluster({})
  const models: string[] = []
  await network.add({ models })
  await network.add({ submitting: { isBlocked: true, changed() {} } })
  await network.clock.advance(60_000)
  const [job] = network.chain.create(1)
  if (job === undefined) throw new Error('no job')
  await network.announce([job])
  await network.clock.advance(60_000)
  expect(network.chain.finalisedBy.has(job.jobId)).toBe(false)
  models.push(testModel)
  await network.clock.advance(5_000)
  expect(network.chain.finalisedBy.has(job.jobId)).toBe(true)
})
