import { describe, expect, test } from 'vitest'
import { gatherMs, rateLimits, sendMessages } from '../../../src/gossip/limits.js'
import { publisher } from '../../../src/gossip/publisher.js'
import { manualClock } from '../../helpers/manual-clock.js'

const unlimited = { perSecond: 1e9, burst: 1e9 }

function make(init: Partial<Parameters<typeof publisher>[0]> = {}) {
  const clock = manualClock()
  const batches: number[][] = []
  let hold: Promise<void> | undefined
  const service = publisher<number>({
    batchItems: 4,
    queueItems: 20,
    messages: unlimited,
    items: unlimited,
    ...init
  })({
    clock,
    async send(batch) {
      batches.push(batch)
      await hold
      if (batch.includes(13)) throw new Error('unlucky')
    }
  })
  return {
    clock,
    batches,
    service,
    holdUntil: (until: Promise<void> | undefined) => {
      hold = until
    }
  }
}

describe('publisher', () => {
  test('idle: one call leaves without any timer', async () => {
    const { service, batches } = make()
    await service.publish([1])
    expect(batches).toEqual([[1]])
  })

  test('coalescing: calls of one tick share a batch', async () => {
    const { service, batches } = make()
    await Promise.all([service.publish([1]), service.publish([2, 3]), service.publish([4])])
    expect(batches).toEqual([[1, 2, 3, 4]])
  })

  test('coalescing: calls while a batch is on its way share the next', async () => {
    const { service, batches, holdUntil, clock } = make()
    const { promise, resolve } = Promise.withResolvers<void>()
    holdUntil(promise)
    const first = service.publish([1])
    await clock.settle()
    const second = service.publish([2])
    await clock.settle()
    const third = service.publish([3])
    await clock.settle()
    expect(batches).toEqual([[1]])
    resolve()
    await Promise.all([first, second, third])
    expect(batches).toEqual([[1], [2, 3]])
  })

  test('limit: a long call is cut into batches, and resolves with the last', async () => {
    const { service, batches } = make()
    await service.publish([1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(batches).toEqual([[1, 2, 3, 4], [5, 6, 7, 8], [9]])
  })

  test('failure: rejects the calls in the failed batch and no others', async () => {
    const { service, batches } = make()
    const results = await Promise.allSettled([
      service.publish([1, 2, 3, 4]),
      service.publish([5, 6, 13]),
      service.publish([8, 9]),
      service.publish([10])
    ])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
    expect(batches).toEqual([
      [1, 2, 3, 4],
      [5, 6, 13, 8],
      [9, 10]
    ])
  })

  test('rate: beyond it, items gather into larger batches', async () => {
    const { service, batches, clock } = make({ messages: { perSecond: 10, burst: 2 } })
    const calls: Promise<void>[] = []
    for (let item = 0; item < 6; item++) {
      calls.push(service.publish([item]))
      await clock.settle()
    }
    expect(batches).toEqual([[0], [1]])
    await clock.advance(100)
    expect(batches).toEqual([[0], [1], [2, 3, 4, 5]])
    await Promise.all(calls)
  })

  test('rate: items are limited as well as messages', async () => {
    const { service, batches, clock } = make({ items: { perSecond: 10, burst: 4 } })
    const call = service.publish([1, 2, 3, 4, 5, 6, 7, 8])
    await clock.settle()
    expect(batches).toHaveLength(1)
    await clock.advance(399)
    expect(batches).toHaveLength(1)
    await clock.advance(1)
    expect(batches).toHaveLength(2)
    await call
  })

  test('rate: one that changes holds from the next batch on', async () => {
    let perSecond = 1_000
    const { service, batches, clock } = make({ messages: () => ({ perSecond, burst: 1 }) })
    await service.publish([1])
    perSecond = 10
    const calls = [service.publish([2]), service.publish([3])]
    await clock.advance(99)
    expect(batches).toEqual([[1]])
    await clock.advance(1)
    expect(batches).toEqual([[1], [2, 3]])
    await Promise.all(calls)
  })

  test('rate: the more workers hear a message, the fewer each of them sends, and the larger', () => {
    for (const workers of [0, 5])
      expect(sendMessages('leases', { workers, slotMs: 400 })).toEqual(rateLimits.sendMessages)
    // A claim waits for a sixteenth of a slot at most, a result for a slot.
    for (const workers of [1_000, 100_000]) {
      expect(sendMessages('leases', { workers, slotMs: 400 })).toEqual({ perSecond: 40, burst: 1 })
      expect(sendMessages('leases', { workers, slotMs: 4_000 }).burst).toBeLessThanOrEqual(5)
      expect(sendMessages('results', { workers, slotMs: 400 })).toEqual({ perSecond: 2.5, burst: 1 })
      expect(gatherMs('results', { workers, slotMs: 400 })).toBe(400)
    }
    expect(gatherMs('results', { workers: 10, slotMs: 400 })).toBe(0)
    expect(gatherMs('leases', { workers: 1_000, slotMs: 400 })).toBe(0)
  })

  test('gathering: what comes while a batch waits goes with it, and a full batch does not wait', async () => {
    const { service, batches, clock } = make({ gatherMs: () => 100 })
    const calls = [service.publish([1])]
    await clock.advance(99)
    calls.push(service.publish([2]))
    expect(batches).toEqual([])
    await clock.advance(1)
    expect(batches).toEqual([[1, 2]])
    calls.push(service.publish([3, 4, 5, 6]))
    await clock.settle()
    expect(batches).toEqual([
      [1, 2],
      [3, 4, 5, 6]
    ])
    await Promise.all(calls)
  })

  test('bounds: a queue that is full refuses the call, and goes on', async () => {
    const { service, batches, clock } = make({ items: { perSecond: 10, burst: 4 }, queueItems: 8 })
    const calls = [service.publish([1, 2, 3, 4, 5, 6]), service.publish([7, 8])]
    await expect(service.publish([9])).rejects.toMatchObject({ code: 'BUFFALO_ERR_GOSSIP' })
    await clock.advance(1_000)
    await Promise.all(calls)
    expect(batches.flat()).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  test('stop: sends at once what waits, and refuses more', async () => {
    const { service, batches, clock } = make({ messages: { perSecond: 1, burst: 1 } })
    const calls = [1, 2, 3, 4, 5, 6].map(item => service.publish([item]))
    await clock.settle()
    expect(batches).toEqual([[1, 2, 3, 4]])
    await service.stop()
    await Promise.all(calls)
    expect(batches).toEqual([
      [1, 2, 3, 4],
      [5, 6]
    ])
    await expect(service.publish([7])).rejects.toMatchObject({ code: 'BUFFALO_ERR_GOSSIP' })
    await service.stop()
  })
})
