import { describe, expect, test } from 'vitest'
import { ageLimits } from '../../../src/gossip/limits.js'
import {
  checkBatchAge,
  checkPresenceAge,
  leaseTime,
  maximalClaimAgeMs
} from '../../../src/gossip/validation/time.js'
import { gossipHeartbeatMs, internetTiming, localTiming } from '../../../src/interface/index.js'

const now = 1_800_000_000_000
const timing = localTiming
const claim = { startMs: now, expiresMs: now + 10_000, sequence: 0, release: undefined }
const oldest = maximalClaimAgeMs(timing)

describe('leaseTime', () => {
  test('early: a start up to ε ahead counts, one more does not', () => {
    expect(leaseTime({ ...claim, startMs: now + timing.skewMs }, now, timing)).toBe('timely')
    expect(leaseTime({ ...claim, startMs: now + timing.skewMs + 1 }, now, timing)).toBe('early')
  })

  test('late: a claim up to the maximal age counts, an older one is backdated', () => {
    expect(leaseTime({ ...claim, startMs: now - oldest }, now, timing)).toBe('timely')
    expect(leaseTime({ ...claim, startMs: now - oldest - 1 }, now, timing)).toBe('late')
  })

  test('late: a renewal keeps its start, however old', () => {
    expect(leaseTime({ ...claim, startMs: now - 3_600_000, sequence: 7 }, now, timing)).toBe('timely')
  })

  test('early: a renewal from the future does not count either', () => {
    expect(leaseTime({ ...claim, startMs: now + 60_000, sequence: 7 }, now, timing)).toBe('early')
  })

  test('expired: a lease counts until its end, and not at it', () => {
    expect(leaseTime({ ...claim, startMs: now - 1_000, expiresMs: now + 1 }, now, timing)).toBe('timely')
    expect(leaseTime({ ...claim, startMs: now - 1_000, expiresMs: now }, now, timing)).toBe('expired')
  })

  test('expired: a release is news even after its end', () => {
    expect(
      leaseTime({ startMs: now - 9_000, expiresMs: now - 1, sequence: 1, release: 1 }, now, timing)
    ).toBe('timely')
  })

  test('maximal age: ε, a delivery and two heartbeats, on both kinds of network', () => {
    expect(maximalClaimAgeMs(localTiming)).toBe(100 + 400 + 2 * gossipHeartbeatMs)
    expect(maximalClaimAgeMs(internetTiming)).toBe(500 + 2_000 + 2 * gossipHeartbeatMs)
  })
})

describe('checkBatchAge', () => {
  test('age: a batch counts within its limits, and is ignored beyond', () => {
    expect(() => checkBatchAge(now - ageLimits.batchAgeMs, now)).not.toThrow()
    expect(() => checkBatchAge(now + ageLimits.batchFutureMs, now)).not.toThrow()
    expect(() => checkBatchAge(now - ageLimits.batchAgeMs - 1, now)).toThrow(
      expect.objectContaining({ reason: 'late' })
    )
    expect(() => checkBatchAge(now + ageLimits.batchFutureMs + 1, now)).toThrow(
      expect.objectContaining({ reason: 'early' })
    )
  })
})

describe('checkPresenceAge', () => {
  test('age: a presence is held to the rule of claims', () => {
    expect(() => checkPresenceAge(now + timing.skewMs, now, timing)).not.toThrow()
    expect(() => checkPresenceAge(now - oldest, now, timing)).not.toThrow()
    expect(() => checkPresenceAge(now + timing.skewMs + 1, now, timing)).toThrow(
      expect.objectContaining({ reason: 'early' })
    )
    expect(() => checkPresenceAge(now - oldest - 1, now, timing)).toThrow(
      expect.objectContaining({ reason: 'late' })
    )
  })
})
