import type { PeerKey } from '../interface/bytes.js'
import type { Clock } from '../interface/clock.js'
import type { LeaseTiming, Presence } from '../interface/lease.js'
import type { Logger } from '../interface/logger.js'
import { ageLimits } from './limits.js'
import { maximalClaimAgeMs } from './validation/time.js'

/**
 * Workers whose times are compared, by lot where there are more: who wants the majority here must be the majority of all that are
 * registered. About 300 bytes each.
 */
const MAX_COMPARED = 64
/** Of each worker the earliest of so many presences counts: one or two may have been late on their way, or lain unread here. */
const SAMPLES = 3
/** As in the ranks: a worker that was not heard for so many presence intervals is gone. */
const LIVE_INTERVALS = 3

export interface ClockWatchInit {
  timing: LeaseTiming
  /** `isRight` has changed. */
  onChange?(): void
}

export interface ClockWatchComponents {
  clock: Clock
  /** From 0 to below 1. */
  random(): number
  logger: Logger
}

/**
 * What a node learns of its own clock from the times of registered workers' presence (docs/protocol.md, "Wrong clocks"). One that is set
 * wrong is noticed at once, by what was heard before.
 */
export interface ClockWatch {
  /** A registered worker's presence came by gossip, in time or not. `atMs`: when, by `steadyMs` of the clock. */
  heard(presence: Pick<Presence, 'worker' | 'sentAtMs' | 'isOutOfTime'>, atMs: number): void
  /** Judges anew. To be called once in a presence interval, and before each claim. Returns what `isRight` says then. */
  check(): boolean
  /** False: the clock is wrong, as most others agree with each other and not with it; or it was until a moment ago. */
  isRight(): boolean
  /** Whether most workers are out of time here, whoever's clock is wrong. Others are told. */
  isOutOfTime(): boolean
}

interface Compared {
  sentAtMs: number
  isOutOfTime: boolean
  /** It was so old when the worker was first heard that anyone may have kept it, and say it again: nobody stops because of it. */
  isOld: boolean
  /** `leadMs`: the worker's time at its sending, less `steadyMs` here at its arrival. */
  samples: { atMs: number; leadMs: number }[]
}

type Verdict = 'right' | 'apart' | 'wrong'

export function clockWatch({
  timing,
  onChange
}: ClockWatchInit): (components: ClockWatchComponents) => ClockWatch {
  const { skewMs, presenceIntervalMs } = timing
  const lateMs = maximalClaimAgeMs(timing)
  // Until then all that are there have said so in time, and renewed what they hold.
  const listenMs = Math.max(1.5 * presenceIntervalMs, timing.leaseMs / 2)
  return ({ clock, random, logger }) => {
    const workers = new Map<PeerKey, Compared>()
    /** Nobody but this process knows it, so that no key can be made for it. */
    let lot: number | undefined
    /** Who leaves for one that comes before it by lot. Undefined: to be found again. */
    let lastByLot: { key: PeerKey; place: number } | undefined
    let verdict: Verdict = 'right'
    let isOutOfTime = false
    /** Since when the verdict is the same, by `steadyMs`, and which was told last. */
    let sinceMs = clock.steadyMs()
    let told: Verdict = 'right'
    /** What was said while the clock was wrong was not heard: it is listened for, as at a start. */
    let listenUntilMs = sinceMs
    let isRight = true

    const placeOf = (worker: PeerKey): number => {
      lot ??= Math.floor(random() * 2 ** 32)
      return (Number.parseInt(worker.slice(0, 8), 16) ^ lot) >>> 0
    }

    /** Whether there is room for a worker, or is now that another has left. In a large network, for nearly all there is none. */
    function hasRoom(worker: PeerKey): boolean {
      if (workers.size < MAX_COMPARED) return true
      lastByLot ??= [...workers.keys()]
        .map(key => ({ key, place: placeOf(key) }))
        .reduce((a, b) => (a.place > b.place ? a : b))
      if (placeOf(worker) > lastByLot.place) return false
      workers.delete(lastByLot.key)
      return true
    }

    function dropGone(): void {
      const oldestMs = clock.steadyMs() - LIVE_INTERVALS * presenceIntervalMs
      for (const [worker, { samples }] of workers) {
        if ((samples.at(-1)?.atMs ?? oldestMs) > oldestMs) continue
        workers.delete(worker)
        lastByLot = undefined
      }
    }

    /** How long ago, by this node's clock as it is now, each worker's earliest presence was sent when it came. */
    function agesMs(): { ageMs: number; isOutOfTime: boolean; isOld: boolean }[] {
      const ownMs = clock.now() - clock.steadyMs()
      return [...workers.values()].map(({ samples, isOutOfTime, isOld }) => ({
        ageMs: ownMs - Math.max(...samples.map(({ leadMs }) => leadMs)),
        isOutOfTime,
        isOld
      }))
    }

    function judge(): Verdict {
      const ages = agesMs()
      const early = ages.filter(({ ageMs }) => ageMs < -skewMs)
      const late = ages.filter(({ ageMs }) => ageMs > lateMs)
      const outOfTime = early.length + late.length
      // Rule: more than half of all, and this node is one of them.
      const most = (ages.length + 1) / 2
      isOutOfTime = outOfTime > most
      // Rule: what comes from the future does so for no other reason. What is late may be so on a slow way, too: then it is at
      // others as well, and they say so.
      const lateHere = late.filter(other => !other.isOutOfTime && !other.isOld)
      if (early.length > most || lateHere.length > most) return 'wrong'
      return outOfTime > ages.length / 2 ? 'apart' : 'right'
    }

    /** What lasts is told, once. A process that was stopped for a while, or a machine, is right again within an interval. */
    function tell(): void {
      if (verdict === told || clock.steadyMs() - sinceMs < presenceIntervalMs) return
      told = verdict
      const ages = agesMs()
        .map(({ ageMs }) => ageMs)
        .sort((a, b) => a - b)
      const aheadMs = Math.round(ages[Math.floor(ages.length / 2)] ?? 0)
      const fields = { aheadMs, workers: ages.length }
      if (verdict === 'right') logger.info(fields, "this node's clock agrees with the others' again")
      else if (verdict === 'wrong')
        logger.error(
          fields,
          "This node's clock is wrong, by what most workers say: set it, and run NTP. A worker claims nothing until it is right"
        )
      else
        logger.warn(
          fields,
          "This node's clock and those of most workers differ, or messages take too long: run NTP on all machines. Until they agree, jobs may be run twice"
        )
    }

    return {
      heard({ worker, sentAtMs, isOutOfTime = false }, atMs) {
        const leadMs = sentAtMs - atMs
        const known = workers.get(worker)
        if (known === undefined) {
          if (!hasRoom(worker)) return
          lastByLot = undefined
          const isOld = sentAtMs < clock.now() - ageLimits.batchAgeMs
          workers.set(worker, { sentAtMs, isOutOfTime, isOld, samples: [{ atMs, leadMs }] })
          return
        }
        // An older one was replayed, or went a longer way.
        if (sentAtMs <= known.sentAtMs) return
        known.sentAtMs = sentAtMs
        known.isOutOfTime = isOutOfTime
        const last = known.samples.at(-1)
        // What lay unread here comes all at once, and says no more than one.
        if (last !== undefined && atMs - last.atMs < presenceIntervalMs / 2) {
          last.leadMs = Math.max(last.leadMs, leadMs)
        } else {
          known.samples.push({ atMs, leadMs })
          if (known.samples.length > SAMPLES) known.samples.shift()
        }
      },
      check() {
        dropGone()
        const before = { verdict, isRight }
        const nowMs = clock.steadyMs()
        verdict = judge()
        if (verdict !== before.verdict) sinceMs = nowMs
        if (verdict === 'wrong') listenUntilMs = nowMs + listenMs
        isRight = nowMs >= listenUntilMs
        tell()
        if (isRight !== before.isRight) onChange?.()
        return isRight
      },
      isRight: () => isRight,
      isOutOfTime: () => isOutOfTime
    }
  }
}
