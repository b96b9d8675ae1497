import { LRUCache } from 'lru-cache'
import type { Address, JobKey, PeerKey } from '../interface/bytes.js'
import type { ChainReader } from '../interface/chain.js'
import type { Clock } from '../interface/clock.js'
import type { LeaseTiming, Presence } from '../interface/lease.js'
import type { Logger } from '../interface/logger.js'
import { score, scoreFraction } from './score.js'
import { hearingMs, MAX_UNSEEN_MS } from './witness.js'

/** A worker is live for this many presence intervals after its last message: one may be lost, one late. */
const LIVE_INTERVALS = 3
/** At most this many workers are known at a time: 10,000 presence records of about 1 kB are 10 MB. */
const MAX_WORKERS = 10_000
/**
 * Below this estimated rank a worker compares itself with every other one; above it, the estimate decides when it claims.
 * So the comparison costs each node O(1) for a job, however many workers there are. The owner itself is estimated higher for one
 * job in 3,000 (e^-8): then the second starts it, a slot later.
 */
const EXACT_RANK_BELOW = 8

/**
 * Accounts that are being looked up at a time. Anyone can send presence, in envelopes of up to 64 KiB: 256 of them, with
 * their text, are 33 MB at the very most, and more than join a network in the time of one answer. Those beyond are heard at their next presence.
 */
const MAX_CHECKS = 256
/** An account is looked up again after this long: a worker that leaves the registry leaves the ranks, and its leases count no more. */
const RECHECK_MS = 300_000
/** The same where the chain did not answer. */
const RECHECK_AGAIN_MS = 10_000
/** Silences of one worker that are remembered, the latest: a link that flaps makes one about every few seconds. */
const MAX_SILENCES = 4
/** Presence messages passed on to who joins are kept up to this size: 20 models, and more is no ordinary worker. */
const MAX_ENVELOPE_BYTES = 2_048

/** A registered worker: when it was heard here, and when not. */
interface Hearing {
  account: Address
  /** When the registry last confirmed its account, or was asked to, as a steady clock says. */
  checkedMs: number
  /** Its last presence. */
  lastMs: number
  silences: { fromMs: number; untilMs: number }[]
}

/** Where this worker stands for a job. */
export interface Rank {
  /** Best of all live eligible workers: the job's owner, who may start at once. */
  isOwner: boolean
  /** How many eligible workers that are not full are better. Estimated where it is 8 or more. */
  rank: number
}

export interface RosterComponents {
  chain: Pick<ChainReader, 'peerKeysOf'>
  clock: Clock
  logger: Logger
}

/** The workers whose presence was seen lately and whose account the registry confirms. */
export interface Roster {
  /** Takes a validated presence message, and what it came in. Resolves once the worker's account was checked. */
  see(presence: Presence, envelope?: Uint8Array): Promise<Seen>
  /** Whether the author of a presence that does not count, as its time is wrong, is a registered worker. */
  isWorker(presence: Presence): Promise<boolean>
  /** Whether the worker was not heard at a moment, and has been heard since. */
  wasSilent(worker: PeerKey, atMs: number): boolean
  /** The signed presence of up to `limit` live workers. */
  envelopes(limit: number): Uint8Array[]
  /** Takes a worker out of the ranks until its next presence. */
  drop(worker: PeerKey): void
  /** Whether the worker's account was found registered, even if it has been silent lately: its leases count. */
  isRegistered(worker: PeerKey): boolean
  /** Live workers other than this one, eligible for a model; for all models where it is undefined. */
  size(model?: string): number
  /** Where `self` stands for a job among the live workers that have `model` (or among all). */
  rank(job: JobKey, model: string | undefined): Rank
  /** Changes whenever a worker joins, leaves, or changes its models: earlier ranks are then out of date. */
  version(): number
}

/** What a presence message changed. */
export interface Seen {
  /** The worker was not live here before. */
  isNew: boolean
  /** The worker is heard again after a silence, or for the first time. */
  isBack: boolean
}

export interface RosterInit {
  self: PeerKey
  timing: LeaseTiming
  /** How many more jobs a worker has claimed since a moment than its presence message said. */
  claimsSince(worker: PeerKey, sinceMs: number, most: number): number
}

interface Known {
  presence: Presence
  envelope: Uint8Array | undefined
  seenMs: number
}

export function roster({ self, timing, claimsSince }: RosterInit): (components: RosterComponents) => Roster {
  return ({ chain, clock, logger }) => {
    const workers = new Map<PeerKey, Known>()
    const registered = new LRUCache<PeerKey, Hearing>({ max: MAX_WORKERS })
    const quietMs = hearingMs(timing)
    let checks = 0
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

    function insert(known: Known): void {
      const { presence } = known
      workers.set(presence.worker, known)
      for (const model of presence.models) {
        byModel.set(model, (byModel.get(model) ?? new Set()).add(presence.worker))
      }
      version++
    }

    /** Presence is refreshed in insertion order, so the stale ones are at the front. */
    function dropStale(): void {
      const oldestMs = clock.steadyMs() - LIVE_INTERVALS * timing.presenceIntervalMs
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
      const free = capacity - load
      return free <= 0 || claimsSince(worker, sentAtMs, free) >= free
    }

    const among = (model: string | undefined): Iterable<PeerKey> =>
      model === undefined ? workers.keys() : (byModel.get(model) ?? [])

    const size = (model?: string): number =>
      model === undefined ? workers.size : (byModel.get(model)?.size ?? 0)

    /** Notes that a registered worker was heard. True if it had not been for a while. */
    function hear({ worker, account }: Presence, isChecked: boolean): boolean {
      const nowMs = clock.now()
      const known = registered.get(worker)
      const checkedMs = isChecked ? clock.steadyMs() : (known?.checkedMs ?? Number.NEGATIVE_INFINITY)
      const silences = known?.silences.filter(({ untilMs }) => untilMs >= nowMs - MAX_UNSEEN_MS) ?? []
      const fromMs = known?.lastMs ?? Number.NEGATIVE_INFINITY
      const isBack = nowMs - fromMs > quietMs
      if (isBack) silences.push({ fromMs, untilMs: nowMs })
      registered.set(worker, { account, checkedMs, lastMs: nowMs, silences: silences.slice(-MAX_SILENCES) })
      return isBack
    }

    /** Undefined where too many are being looked up. */
    async function isBound(worker: PeerKey, account: Address): Promise<boolean | undefined> {
      if (checks >= MAX_CHECKS) return undefined
      checks++
      try {
        const [peerKey] = await chain.peerKeysOf([account])
        return peerKey === worker
      } finally {
        checks--
      }
    }

    function dismiss(worker: PeerKey, account: Address): void {
      // Under another account it may be registered all the same.
      if (registered.peek(worker)?.account !== account) return
      logger.debug({ worker, account }, 'a worker is not registered any more')
      registered.delete(worker)
      remove(worker)
    }

    /** What the registry said some time ago counts until it says otherwise. */
    function recheckIfDue(worker: PeerKey, known: Hearing): void {
      if (known.checkedMs >= clock.steadyMs() - RECHECK_MS) return
      const againMs = clock.steadyMs() - RECHECK_MS + RECHECK_AGAIN_MS
      known.checkedMs = clock.steadyMs()
      isBound(worker, known.account)
        .then(bound => {
          const latest = registered.peek(worker)
          if (bound === false) dismiss(worker, known.account)
          else if (bound === undefined && latest !== undefined) latest.checkedMs = againMs
        })
        .catch(err => {
          logger.debug({ err, worker }, 'the registry could not be asked again; it is tried later')
          const latest = registered.peek(worker)
          if (latest !== undefined) latest.checkedMs = againMs
        })
    }

    return {
      async see(presence, envelope) {
        const { worker, account, sentAtMs } = presence
        const nothing = { isNew: false, isBack: false }
        if (worker === self) return nothing
        /** One from ahead of this clock is none to compare with: then the clock was set back meanwhile. */
        const isOld = (): boolean => {
          const latestMs = workers.get(worker)?.presence.sentAtMs ?? 0
          return latestMs >= sentAtMs && latestMs <= clock.now() + timing.skewMs
        }
        if (isOld()) return nothing
        const kept =
          envelope !== undefined && envelope.byteLength <= MAX_ENVELOPE_BYTES ? envelope : undefined
        const entry = { presence, envelope: kept, seenMs: clock.steadyMs() }
        const known = workers.get(worker)
        if (known?.presence.account === account && known.presence.models.join() === presence.models.join()) {
          workers.delete(worker)
          workers.set(worker, entry)
          return { isNew: false, isBack: hear(presence, false) }
        }
        const bound = await isBound(worker, account)
        if (bound !== true) {
          if (bound === false) dismiss(worker, account)
          logger.debug({ worker, account }, 'presence of an unregistered worker ignored')
          return nothing
        }
        if (isOld()) return nothing
        const isBack = hear(presence, true)
        dropStale()
        const isNew = !workers.has(worker)
        if (isNew && workers.size >= MAX_WORKERS) return { isNew: false, isBack }
        remove(worker)
        insert(entry)
        return { isNew, isBack }
      },
      async isWorker({ worker, account }) {
        if (registered.has(worker)) return true
        if ((await isBound(worker, account)) !== true) return false
        // It has not been heard yet, as far as its leases go.
        const unheard = {
          account,
          checkedMs: clock.steadyMs(),
          lastMs: Number.NEGATIVE_INFINITY,
          silences: []
        }
        if (!registered.has(worker)) registered.set(worker, unheard)
        return true
      },
      wasSilent: (worker, atMs) =>
        registered.peek(worker)?.silences.some(({ fromMs, untilMs }) => fromMs <= atMs && atMs <= untilMs) ??
        false,
      envelopes(limit) {
        dropStale()
        const found: Uint8Array[] = []
        for (const { envelope } of workers.values()) {
          if (envelope !== undefined) found.push(envelope)
          if (found.length >= limit) break
        }
        return found
      },
      drop: remove,
      isRegistered(worker) {
        const known = registered.peek(worker)
        // A worker that is heard of by its leases alone is asked about, too.
        if (known !== undefined) recheckIfDue(worker, known)
        return known !== undefined
      },
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
