import { expect, test } from 'vitest'
import { cluster, testTiming } from '../../helpers/worker-cluster.js'

const WARM_UP_MS = 5 * testTiming.presenceIntervalMs

test('behavior: a worker that could not submit claims nothing, others serve in its place, and it takes up work by itself', async () => {
  const network = await cluster()
  const submitting = { isBlocked: true, changed() {} }
  const blocked = await network.add({ submitting })
  const other = await network.add({ capacity: 6 })
  await network.clock.advance(WARM_UP_MS)

  const first = network.chain.create(6)
  await network.announce(first)
  // Nobody waits for one that says that it has no room, beyond the rest of the slot that whoever is not the owner leaves.
  await network.clock.advance(2 * testTiming.slotMs)
  expect(first.map(({ jobId }) => network.chain.finalisedBy.get(jobId))).toEqual(first.map(() => other.key))
  expect(blocked.events.filter(({ type }) => type === 'lease:claimed')).toEqual([])

  other.kill()
  await network.clock.advance(WARM_UP_MS)
  const [late] = network.chain.create(1)
  if (late === undefined) throw new Error('no job')
  await network.announce([late])
  await network.clock.advance(5_000)
  expect(network.chain.finalisedBy.has(late.jobId)).toBe(false)

  submitting.isBlocked = false
  submitting.changed()
  await network.clock.advance(1_000)
  expect(network.chain.finalisedBy.get(late.jobId)).toBe(blocked.key)
})
