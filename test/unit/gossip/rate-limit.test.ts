import { describe, expect, test } from 'vitest'
import { rateLimiter, tokenBucket } from '../../../src/gossip/rate-limit.js'
import { manualClock } from '../../helpers/manual-clock.js'

describe('tokenBucket', () => {
  test('rate: gives the burst at once, then the rate', async () => {
    const clock = manualClock()
    const bucket = tokenBucket({ perSecond: 10, burst: 3 })({ clock })
    expect([1, 2, 3, 4].map(() => bucket.take(1))).toEqual([true, true, true, false])
    expect(bucket.waitMs(1)).toBe(100)
    await clock.advance(100)
    expect([1, 2].map(() => bucket.take(1))).toEqual([true, false])
    await clock.advance(60_000)
    expect([1, 2, 3, 4].map(() => bucket.take(1))).toEqual([true, true, true, false])
  })

  test('rate: a cost above the burst takes a full bucket, and does not wait for ever', async () => {
    const clock = manualClock()
    const bucket = tokenBucket({ perSecond: 10, burst: 3 })({ clock })
    expect(bucket.take(100)).toBe(true)
    expect(bucket.waitMs(100)).toBe(300)
    await clock.advance(300)
    expect(bucket.take(100)).toBe(true)
  })

  test('clock: set back or ahead, it gives no tokens and takes none', () => {
    const clock = manualClock()
    const bucket = tokenBucket({ perSecond: 1_000, burst: 2 })({ clock })
    bucket.take(1)
    clock.step(-10_000)
    expect([1, 2].map(() => bucket.take(1))).toEqual([true, false])
    clock.step(20_000)
    expect(bucket.take(1)).toBe(false)
  })
})

describe('rateLimiter', () => {
  test('keys: each has its own bucket', () => {
    const limiter = rateLimiter({ perSecond: 1, burst: 1 }, 10)({ clock: manualClock() })
    expect(['a', 'a', 'b'].map(key => limiter.take(key))).toEqual([true, false, true])
  })

  test('bounds: the key used longest ago is dropped', () => {
    const limiter = rateLimiter({ perSecond: 1, burst: 1 }, 2)({ clock: manualClock() })
    limiter.take('a')
    limiter.take('b')
    limiter.take('a')
    limiter.take('c')
    expect(limiter.size).toBe(2)
    // `a` was used after `b`, so its empty bucket is still there; `b` begins anew.
    expect(limiter.take('a')).toBe(false)
    expect(limiter.take('b')).toBe(true)
  })

  test('bounds: a hundred thousand keys take no more room than the limit', () => {
    const limiter = rateLimiter({ perSecond: 1, burst: 1 }, 50)({ clock: manualClock() })
    for (let key = 0; key < 100_000; key++) limiter.take(`k${key}`)
    expect(limiter.size).toBe(50)
  })
})
