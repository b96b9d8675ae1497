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

export function tokenBucket({ perSecond, burst }: Rate): (components: { clock: Clock }) => TokenBucket {
  return ({ clock }) => {
    let tokens = burst
    let atMs = clock.now()

    function refill(): void {
      const nowMs = clock.now()
      // A clock that is set back gives no tokens and takes none.
      tokens = Math.min(burst, tokens + (Math.max(0, nowMs - atMs) * perSecond) / 1_000)
      atMs = nowMs
    }

    return {
      take(cost) {
        refill()
        const price = Math.min(cost, burst)
        if (tokens < price) return false
        tokens -= price
        return true
      },
      waitMs(cost) {
        refill()
        return Math.max(0, Math.ceil(((Math.min(cost, burst) - tokens) * 1_000) / perSecond))
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
  return components => {
    /**
     * Those used since there were last too many, and those used before: dropped together, unless they are used again. Keeping each
     * in order of its use would cost more than all else that is done for a message.
     */
    let latest = new Map<string, TokenBucket>()
    let earlier = new Map<string, TokenBucket>()

    function bucketOf(key: string): TokenBucket {
      const known = latest.get(key)
      if (known !== undefined) return known
      const bucket = earlier.get(key) ?? tokenBucket(rate)(components)
      earlier.delete(key)
      if (latest.size >= half) {
        earlier = latest
        latest = new Map()
      }
      latest.set(key, bucket)
      return bucket
    }

    return {
      take: (key, cost = 1) => bucketOf(key).take(cost),
      get size() {
        return latest.size + earlier.size
      }
    }
  }
}
