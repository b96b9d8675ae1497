import { describe, expect, test } from 'vitest'
import { holdingQueue } from '../../../src/gossip/holding-queue.js'
import type { Lease } from '../../../src/interface/index.js'
import { manualClock } from '../../helpers/manual-clock.js'

const lease = (job: string, worker: string, sequence = 0): Lease => ({
  job,
  worker,
  startMs: 1,
  expiresMs: 2,
  sequence,
  release: undefined
})

function make(limits: Partial<Parameters<typeof holdingQueue>[0]> = {}) {
  const clock = manualClock()
  return { clock, queue: holdingQueue({ total: 4, perAuthor: 2, ageMs: 1_000, ...limits })({ clock }) }
}

describe('holdingQueue', () => {
  test('release: gives the leases of the jobs that became known, by author, in order, and once', () => {
    const { queue } = make()
    for (const one of [lease('j1', 'a', 0), lease('j1', 'b'), lease('j1', 'a', 1), lease('j2', 'c')]) {
      expect(queue.hold(one)).toBe(true)
    }
    expect(queue.release(['j1', 'j9'])).toMatchObject([
      { author: 'a', leases: [lease('j1', 'a', 0), lease('j1', 'a', 1)] },
      { author: 'b', leases: [lease('j1', 'b')] }
    ])
    expect(queue.release(['j1'])).toEqual([])
    expect(queue.size).toBe(1)
  })

  test('release: each of thousands of leases of one job is looked at a few times, whoever sent them', () => {
    const count = 2_000
    const { queue } = make({ total: count, perAuthor: count })
    let looks = 0
    for (let n = 0; n < count; n++) {
      const one = lease('j1', `author ${n}`)
      const counted = Object.defineProperty(one, 'worker', { get: () => (looks++, `author ${n}`) })
      queue.hold(counted, new Uint8Array([n]))
    }
    looks = 0
    expect(queue.release(['j1'])).toHaveLength(count)
    expect(looks).toBeLessThan(10 * count)
  })

  test('release: leases that came in different envelopes stay apart', () => {
    const { queue } = make()
    const [first, second] = [new Uint8Array([1]), new Uint8Array([2])]
    queue.hold(lease('j1', 'a', 0), first)
    queue.hold(lease('j1', 'a', 1), second)
    expect(queue.release(['j1'])).toEqual([
      { author: 'a', envelope: first, leases: [lease('j1', 'a', 0)] },
      { author: 'a', envelope: second, leases: [lease('j1', 'a', 1)] }
    ])
  })

  test('author limit: a lease beyond an author’s share is refused, and others are not harmed', () => {
    const { queue } = make()
    expect([1, 2, 3].map(n => queue.hold(lease(`j${n}`, 'a')))).toEqual([true, true, false])
    expect(queue.hold(lease('j1', 'b'))).toBe(true)
    expect(queue.size).toBe(3)
  })

  test('author limit: a share is free again once its leases are released', () => {
    const { queue } = make()
    queue.hold(lease('j1', 'a'))
    queue.hold(lease('j2', 'a'))
    queue.release(['j1'])
    expect(queue.hold(lease('j3', 'a'))).toBe(true)
  })

  test('total limit: the oldest leaves for the newest', () => {
    const { queue } = make()
    for (const author of ['a', 'b', 'c', 'd', 'e']) expect(queue.hold(lease('j', author))).toBe(true)
    expect(queue.size).toBe(4)
    expect(queue.release(['j']).map(({ author }) => author)).toEqual(['b', 'c', 'd', 'e'])
  })

  test('expiry: a lease that waited too long is not released, and its share is free', async () => {
    const { clock, queue } = make()
    queue.hold(lease('j1', 'a'))
    await clock.advance(999)
    queue.hold(lease('j2', 'a'))
    await clock.advance(1)
    expect(queue.hold(lease('j3', 'a'))).toBe(true)
    expect(queue.release(['j1', 'j2', 'j3'])).toMatchObject([
      { author: 'a', leases: [lease('j2', 'a'), lease('j3', 'a')] }
    ])
  })

  test('bounds: a flood by many authors stays at the limit', () => {
    const { queue } = make({ total: 100, perAuthor: 10 })
    for (let n = 0; n < 10_000; n++) queue.hold(lease(`j${n}`, `a${n % 997}`))
    expect(queue.size).toBe(100)
    queue.clear()
    expect(queue.size).toBe(0)
  })
})
