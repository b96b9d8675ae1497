import { generateKeyPair } from '@libp2p/crypto/keys'
import { expect, it } from 'vitest'
import { memoryDatabase } from '../../../src/db/memory-database.js'
import { cluster, testTiming } from '../../helpers/worker-cluster.js'

const { leaseMs, slotMs, skewMs } = testTiming

it('behavior: a lease that was stored before a crash, and that nobody heard of, is told when the node is back', async () => {
  const network = await cluster({ executionMs: 60_000 })
  const [privateKey, database] = [await generateKeyPair('Ed25519'), memoryDatabase()]
  const worker = await network.add({ privateKey, database })
  // It hears all of it, and takes no part.
  const witness = await network.add({ models: ['bafyother'] })
  await network.clock.advance(5_000)
  const [job] = network.chain.create(1)
  if (job === undefined) throw new Error('no job')
  await network.announce([job])
  // Its claim is on disk, and the process ends before anyone hears of it.
  await network.clock.advance(6)
  network.net.cut(worker.key)
  await network.clock.advance(2 * slotMs)
  expect(worker.worker.status().heldJobs).toBe(1)
  worker.kill()
  expect(witness.worker.holder(job.key)).toBeUndefined()

  network.net.heal(worker.key)
  const again = await network.add({ privateKey, database })
  expect(again.worker.status().heldJobs).toBe(1)
  // Long before its renewal would come, and though the claim itself is too old by now to be taken from gossip.
  await network.clock.advance(leaseMs / 12 + skewMs)
  expect(witness.worker.holder(job.key)).toBe(worker.key)
})
