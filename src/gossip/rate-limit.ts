import type { Clock } from '../interface/index.js'

/** `perSecond` tokens in the long run, `burst` at once. */
export interface Rate {
  perSecond: number
  burst: number
}

/** A token bucket. */
export interface TokenBucket {
  /** Takes `cost` tokens; false, and takes none, if they are not there. */
  take(cost: number): boolean
  /** How long until `cost` tokens are there. More than the burst never are: asks for a full bucket then. */
  waitMs(cost: number): number
}

/** What is left of a bucket. Thousands of them are kept, so they hold nothing else. */
interface Level {
  tokens: number
  atMs: number
}

function refill(level: Level, { perSecond, burst }: Rate, nowMs: number): void {
  level.tokens = Math.min(burst, level.tokens + ((nowMs - level.atMs) * perSecond) / 1_000)
  level.atMs = nowMs
}

function take(level: Level, rate: Rate, nowMs: number, cost: number): boolean {
  refill(level, rate, nowMs)
  const price = Math.min(cost, rate.burst)
  if (level.tokens < price) return false
  level.tokens -= price
  return true
}

/** @param rateOf the rate, or what it is now: a burst that shrinks takes away what was saved beyond it */
export function tokenBucket(rateOf: Rate | (() => Rate)): (components: { clock: Clock }) => TokenBucket {
  const rateNow = typeof rateOf === 'function' ? rateOf : () => rateOf
  return ({ clock }) => {
    // Full, whatever the burst is when it is first used.
    const level: Level = { tokens: Number.POSITIVE_INFINITY, atMs: clock.steadyMs() }
    return {
      take: cost => take(level, rateNow(), clock.steadyMs(), cost),
      waitMs(cost) {
        const rate = rateNow()
        refill(level, rate, clock.steadyMs())
        const missing = Math.min(cost, rate.burst) - level.tokens
        return Math.max(0, Math.ceil((missing * 1_000) / rate.perSecond))
      }
    }
  }
}

/** One bucket for each key. */
export interface RateLimiter {
  /** Takes `cost` tokens of `key`; false, and takes none, if they are not there. */
  take(key: string, cost?: number): boolean
  /** Keys in memory. */
  readonly size: number
}

/**
 * Buckets by peer or author. At most `maxKeys`: those used longest ago are dropped, and would begin anew with a full
 * bucket. Who changes keys to gain by that gains nothing over changing keys anyway: the bucket of the relaying peer holds it.
 */
export function rateLimiter(rate: Rate, maxKeys: number): (components: { clock: Clock }) => RateLimiter {
  const half = Math.max(1, Math.floor(maxKeys / 2))
  return ({ clock }) => {
    /**
     * Those used since there were last too many, and those used before: dropped together, unless they are used again. Keeping each
     * in order of its use would cost more than all else that is done for a message.
     */
    let latest = new Map<string, Level>()
    let earlier = new Map<string, Level>()

    function levelOf(key: string, nowMs: number): Level {
      const known = latest.get(key)
      if (known !== undefined) return known
      const level = earlier.get(key) ?? { tokens: rate.burst, atMs: nowMs }
      earlier.delete(key)
      if (latest.size >= half) {
        earlier = latest
        latest = new Map()
      }
      latest.set(key, level)
      return level
    }

    return {
      take(key, cost = 1) {
        const nowMs = clock.steadyMs()
        return take(levelOf(key, nowMs), rate, nowMs, cost)
      },
      get size() {
        return latest.size + earlier.size
      }
    }
  }
}
