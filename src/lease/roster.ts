import { LRUCache } from 'lru-cache'
import type { JobKey, PeerKey } from '../interface/bytes.js'
import type { ChainReader } from '../interface/chain.js'
import type { Clock } from '../interface/clock.js'
import type { LeaseTiming, Presence } from '../interface/lease.js'
import type { Logger } from '../interface/logger.js'
import { score, scoreFraction } from './score.js'

/** A worker is live for this many presence intervals after its last message: one may be lost, one late. */
const LIVE_INTERVALS = 3
/** At most this many workers are known at a time: 10,000 presence records of about 1 kB are 10 MB. */
const MAX_WORKERS = 10_000
/**
 * Below this estimated rank a worker compares itself with every other one; above it, the estimate decides when it claims.
 * So the comparison costs each node O(1) for a job, however many workers there are.
 */
const EXACT_RANK_BELOW = 16

/** Where this worker stands for a job. */
export interface Rank {
  /** Best of all live eligible workers: the job's owner, who may start at once. */
  isOwner: boolean
  /** How many eligible workers that are not full are better. Estimated where it is 16 or more. */
  rank: number
}

export interface RosterComponents {
  chain: Pick<ChainReader, 'peerKeysOf'>
  clock: Clock
  logger: Logger
}

/** The workers whose presence was seen lately and whose account the registry confirms. */
export interface Roster {
  /** Takes a validated presence message. Resolves with whether the worker is new here, once its account was checked. */
  see(presence: Presence): Promise<boolean>
  /** Whether the worker's account was found registered, even if it has been silent lately: its leases count. */
  isRegistered(worker: PeerKey): boolean
  /** Live workers other than this one, eligible for a model; for all models where it is undefined. */
  size(model?: string): number
  /** Where `self` stands for a job among the live workers that have `model` (or among all). */
  rank(job: JobKey, model: string | undefined): Rank
  /** Changes whenever a worker joins, leaves, or changes its models: earlier ranks are then out of date. */
  version(): number
}

export interface RosterInit {
  self: PeerKey
  timing: LeaseTiming
  /** How many more jobs a worker has claimed since a moment than its presence message said. */
  claimsSince(worker: PeerKey, sinceMs: number): number
}

export function roster({ self, timing, claimsSince }: RosterInit): (components: RosterComponents) => Roster {
  return ({ chain, clock, logger }) => {
    const workers = new Map<PeerKey, { presence: Presence; seenMs: number }>()
    const registered = new LRUCache<PeerKey, true>({ max: MAX_WORKERS })
    const byModel = new Map<string, Set<PeerKey>>()
    let version = 0

    function remove(worker: PeerKey): void {
      const known = workers.get(worker)
      if (known === undefined) return
      workers.delete(worker)
      for (const model of known.presence.models) {
        const having = byModel.get(model)
        having?.delete(worker)
        if (having?.size === 0) byModel.delete(model)
      }
      version++
    }

    function insert(presence: Presence): void {
      workers.set(presence.worker, { presence, seenMs: clock.now() })
      for (const model of presence.models) {
        byModel.set(model, (byModel.get(model) ?? new Set()).add(presence.worker))
      }
      version++
    }

    /** Presence is refreshed in insertion order, so the stale ones are at the front. */
    function dropStale(): void {
      const oldestMs = clock.now() - LIVE_INTERVALS * timing.presenceIntervalMs
      for (const [worker, { seenMs }] of workers) {
        if (seenMs >= oldestMs) break
        logger.debug({ worker }, 'a worker is gone')
        remove(worker)
      }
    }

    function isFull(worker: PeerKey): boolean {
      const known = workers.get(worker)
      if (known === undefined) return true
      const { load, capacity, sentAtMs } = known.presence
      return load + claimsSince(worker, sentAtMs) >= capacity
    }

    const among = (model: string | undefined): Iterable<PeerKey> =>
      model === undefined ? workers.keys() : (byModel.get(model) ?? [])

    const size = (model?: string): number =>
      model === undefined ? workers.size : (byModel.get(model)?.size ?? 0)

    return {
      async see(presence) {
        if (presence.worker === self) return false
        const known = workers.get(presence.worker)
        if (known !== undefined && known.presence.sentAtMs >= presence.sentAtMs) return false
        const sameModels =
          known?.presence.account === presence.account &&
          known.presence.models.join() === presence.models.join()
        if (known !== undefined && sameModels) {
          workers.delete(presence.worker)
          workers.set(presence.worker, { presence, seenMs: clock.now() })
          return false
        }
        const [peerKey] = await chain.peerKeysOf([presence.account])
        if (peerKey !== presence.worker) {
          logger.debug(
            { worker: presence.worker, account: presence.account },
            'presence of an unregistered worker ignored'
          )
          return false
        }
        registered.set(presence.worker, true)
        dropStale()
        const isNew = !workers.has(presence.worker)
        if (isNew && workers.size >= MAX_WORKERS) return false
        remove(presence.worker)
        insert(presence)
        return isNew
      },
      isRegistered: worker => registered.has(worker),
      size(model) {
        dropStale()
        return size(model)
      },
      rank(job, model) {
        dropStale()
        const own = score(job, self)
        const estimate = Math.floor(scoreFraction(own) * size(model))
        if (estimate >= EXACT_RANK_BELOW) return { isOwner: false, rank: estimate }
        let better = 0
        let betterAndFree = 0
        for (const worker of among(model)) {
          if (score(job, worker) >= own) continue
          better++
          if (!isFull(worker)) betterAndFree++
        }
        return { isOwner: better === 0, rank: betterAndFree }
      },
      version() {
        dropStale()
        return version
      }
    }
  }
}
