import type { SignedClaims } from '../db/repositories/signed-claim.js'
import type { JobKey } from '../interface/bytes.js'
import type { Clock } from '../interface/clock.js'
import type { Database } from '../interface/database.js'
import type { Lease, LeaseTiming } from '../interface/lease.js'
import type { Logger } from '../interface/logger.js'
import { slotOf } from './holder.js'

export interface SigningHistoryInit {
  timing: LeaseTiming
  /**
   * False if this key may have signed what the database does not hold: it is new, restored, mended, or cannot be shown to
   * be the one of the last run.
   */
  isContinuous: boolean
}

export interface SigningHistoryComponents {
  claims: SignedClaims
  database: Database
  clock: Clock
  logger: Logger
}

/**
 * What this key has signed, so that it never signs two claims for one job in one slot, whatever became of its data.
 *
 * 1. No claim in the slot in which the node started, nor within ε after it: an earlier run may have signed there.
 * 2. If the history may have gaps: no claim, and no lease taken up, until L + Δ + ε after the start. By then every lease
 *    that the key signed before has run out.
 * 3. A claim of the key that comes from a peer and is not in the history goes into it, and the wait of 2 begins: from the
 *    start, if it was signed before, and from now, if after, since then a twin with the same key is running.
 */
export interface SigningHistory {
  /** Reads what has been signed for slots that are not over: where the clock was set back, they may lie ahead. */
  load(): Promise<void>
  maySign(job: JobKey, startMs: number): Promise<boolean>
  /** To be called before the claim is written. */
  sign(job: JobKey, startMs: number): void
  /** The job is final. @returns whether anything was signed for it */
  forget(job: JobKey): boolean
  quietUntilMs(): number
  /** A lease with this key's signature. `known`: the latest that this node knows to have signed for the job. */
  heard(lease: Lease, known: Lease | undefined): Promise<void>
}

export function signingHistory({
  timing,
  isContinuous
}: SigningHistoryInit): (components: SigningHistoryComponents) => SigningHistory {
  const { slotMs, skewMs, leaseMs } = timing
  const waitMs = leaseMs + slotMs + skewMs
  return ({ claims, database, clock, logger }) => {
    /** The start of the last claim of this key for each job that is not final, and of the last by this node. */
    const lastStartMs = new Map<JobKey, number>()
    const lastOwnMs = new Map<JobKey, number>()
    let startedMs = clock.now()
    /** The same moment, and the end of the wait, by a steady clock: it is time that must pass, whatever the clock is set to. */
    let startedSteadyMs = clock.steadyMs()
    let quietUntil = Number.POSITIVE_INFINITY
    let saidTwin = false

    const slot = (startMs: number): number => slotOf({ startMs }, slotMs)
    const remember = (job: JobKey, startMs: number): void => {
      lastStartMs.set(job, Math.max(startMs, lastStartMs.get(job) ?? 0))
    }

    return {
      async load() {
        startedMs = clock.now()
        startedSteadyMs = clock.steadyMs()
        const quietMs = isContinuous ? (slot(startedMs) + 1) * slotMs + skewMs - startedMs : waitMs
        quietUntil = startedSteadyMs + quietMs
        for await (const { job, startMs } of claims.since(startedMs - slotMs)) remember(job, startMs)
      },
      async maySign(job, startMs) {
        if (clock.steadyMs() < quietUntil) return false
        const last = lastStartMs.get(job)
        if (last !== undefined && slot(last) === slot(startMs)) return false
        if (startMs >= startedMs && (last === undefined || last < startMs)) return true
        // The clock was set back since: what counts is what was signed in this very slot.
        for await (const signed of claims.since(slot(startMs) * slotMs)) {
          if (slot(signed.startMs) > slot(startMs)) break
          if (signed.job === job) return false
        }
        return true
      },
      sign(job, startMs) {
        remember(job, startMs)
        lastOwnMs.set(job, startMs)
      },
      forget(job) {
        lastOwnMs.delete(job)
        return lastStartMs.delete(job)
      },
      quietUntilMs: () => clock.now() + quietUntil - clock.steadyMs(),
      async heard(lease, known) {
        const { job, startMs, sequence } = lease
        const isLater = known?.startMs === startMs && sequence > known.sequence
        if (!isLater && (known?.startMs === startMs || lastOwnMs.get(job) === startMs)) return
        const signed = await claims.get(job, startMs)
        if (!isLater && signed?.source === 'self') return
        const isTwin = startMs >= startedMs
        quietUntil = Math.max(quietUntil, (isTwin ? clock.steadyMs() : startedSteadyMs) + waitMs)
        if (!saidTwin) {
          logger.error(
            { job, startMs, sequence },
            isTwin
              ? "Another node runs with this node's identity.key: stop one of them, and give each its own data directory. Nothing is claimed here meanwhile"
              : 'Peers know of a lease of this node that its database does not: an older copy of the data was restored. Nothing is claimed until such leases have run out'
          )
        }
        saidTwin = true
        remember(job, startMs)
        if (signed === undefined) {
          await database.batch([claims.put({ job, startMs, source: 'peers' })], { sync: true })
        }
      }
    }
  }
}
