import { expect, it, onTestFinished } from 'vitest'
import { memoryDatabase } from '../../../src/db/memory-database.js'
import { DatabaseWriteError } from '../../../src/interface/index.js'
import { cluster, testTiming } from '../../helpers/worker-cluster.js'

const { leaseMs, slotMs, presenceIntervalMs } = testTiming

it('behavior: a job that was lost is taken up when the other lease ends, though the disk did not take the release and nothing else happens', async () => {
  const network = await cluster({})
  const disk = memoryDatabase()
  let isFull = false
  let reachesChain = false
  await network.add({
    database: {
      ...disk,
      async batch(operations, options) {
        if (isFull) throw new DatabaseWriteError('full')
        await disk.batch(operations, options)
      }
    },
    reachesChain: () => reachesChain
  })
  const other = await network.liar()
  let isOver = false
  onTestFinished(() => {
    isOver = true
  })
  // So that the workers stay the same: a change of theirs would be another reason to look.
  const present = (): void => {
    if (isOver) return
    void other.present()
    network.clock.schedule(presenceIntervalMs, present)
  }
  present()
  await network.clock.advance(5 * presenceIntervalMs)
  const [job] = network.chain.create(1)
  if (job === undefined) throw new Error('no job')
  await network.announce([job])
  await network.clock.advance(1_000)
  expect(network.executions(job.jobId)).toBe(1)
  // Its work has ended, and the other claimed a slot or more before it.
  isFull = true
  const startMs = network.clock.now() - 1_000 - slotMs
  const lease = { job: job.key, worker: other.key, startMs, expiresMs: startMs + leaseMs, sequence: 0 }
  await other.gossip.publishLeases([{ ...lease, release: undefined }])
  await network.clock.advance(100)
  expect(network.workers[0]?.worker.holder(job.key)).toBe(other.key)
  isFull = false
  reachesChain = true
  await network.clock.advance(leaseMs + 4 * slotMs)
  expect(network.chain.finalisedBy.has(job.jobId)).toBe(true)
})
