import { generateKeyPair } from '@libp2p/crypto/keys'
import { expect, it } from 'vitest'
import { memoryDatabase } from '../../../src/db/memory-database.js'
import { cluster, testTiming } from '../../helpers/worker-cluster.js'

const { leaseMs, slotMs, skewMs, presenceIntervalMs } = testTiming

/** A node whose claim is on disk, and whose process ended before anyone heard of it. Nobody reaches it yet. */
async function crashed() {
  const network = await cluster({ executionMs: 60_000 })
  const [privateKey, database] = [await generateKeyPair('Ed25519'), memoryDatabase()]
  const worker = await network.add({ privateKey, database })
  // It hears all of it, and takes no part.
  const witness = await network.add({ models: ['bafyother'] })
  await network.clock.advance(5_000)
  const [job] = network.chain.create(1)
  if (job === undefined) throw new Error('no job')
  await network.announce([job])
  await network.clock.advance(6)
  network.net.cut(worker.key)
  await network.clock.advance(2 * slotMs)
  expect(worker.worker.status().heldJobs).toBe(1)
  worker.kill()
  const holder = (): string | undefined => witness.worker.holder(job.key)
  expect(holder()).toBeUndefined()
  return { network, worker, holder, restart: () => network.add({ privateKey, database }) }
}

it('behavior: a lease that was stored before a crash, and that nobody heard of, is told when the node is back', async () => {
  const { network, worker, holder, restart } = await crashed()
  network.net.heal(worker.key)
  expect((await restart()).worker.status().heldJobs).toBe(1)
  // Long before its renewal would come, and though the claim itself is too old by now to be taken from gossip.
  await network.clock.advance(leaseMs / 12 + skewMs)
  expect(holder()).toBe(worker.key)
})

it('behavior: it is told again when the node has listened, as there may have been nobody to hear of it before', async () => {
  const { network, worker, holder, restart } = await crashed()
  expect((await restart()).worker.status().heldJobs).toBe(1)
  // After its first renewal, and long before the next.
  await network.clock.advance(1.2 * presenceIntervalMs)
  network.net.heal(worker.key)
  expect(holder()).toBeUndefined()
  await network.clock.advance(0.3 * presenceIntervalMs + skewMs)
  expect(holder()).toBe(worker.key)
})
