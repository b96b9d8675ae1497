import { type OwnLease, ownLeaseRepository } from '../db/repositories/own-lease.js'
import type { JobKey, PeerKey } from '../interface/bytes.js'
import type { Clock, Timer } from '../interface/clock.js'
import type { Database } from '../interface/database.js'
import type { EmitEvent } from '../interface/events.js'
import type { Gossip } from '../interface/gossip.js'
import type { JobReference } from '../interface/job.js'
import type { Candidate, Lease, LeaseTiming, ReleaseReason } from '../interface/lease.js'
import type { Logger } from '../interface/logger.js'
import { slotOf } from './holder.js'

/** A lease is renewed when a third of it has passed: two renewals may be lost before it expires. */
const RENEW_WHEN_LEFT = 2 / 3
/** How often, in a lease's length, this node looks for leases to renew. They are renewed together, in one message. */
const TICKS_PER_LEASE = 12

export interface OwnLeasesInit {
  self: PeerKey
  timing: LeaseTiming
  /** A lease ran out before it was renewed (the process was stopped, the disk hung): its work must stop. */
  onExpired(job: JobKey): void
}

export interface OwnLeasesComponents {
  database: Database
  gossip: Pick<Gossip, 'publishLeases'>
  clock: Clock
  logger: Logger
  emit: EmitEvent
}

/** The leases that this node has signed and not given up. Each is on disk before anyone hears of it. */
export interface OwnLeases {
  /** Takes up what an earlier run held: what has not been released and has not expired. */
  recover(): Promise<OwnLease[]>
  /**
   * Claims a job until now + L, at most until its deadline. Resolves when the lease is on disk and handed to gossip.
   * Undefined if this node already claimed the job in the present slot: two claims in one slot are equivocation.
   */
  claim(candidate: Candidate): Promise<Lease | undefined>
  /** Gives a lease up and says so. Does nothing where there is none. */
  release(job: JobKey, reason: ReleaseReason): Promise<void>
  /** The job is final: its lease is dropped without a word, since its result says it all. */
  forget(job: JobKey): Promise<void>
  held(job: JobKey): Lease | undefined
  jobs(): JobKey[]
  /** Stops renewing. The leases stay as they are. */
  stop(): void
}

export function ownLeases({
  self,
  timing,
  onExpired
}: OwnLeasesInit): (components: OwnLeasesComponents) => OwnLeases {
  return ({ database, gossip, clock, logger, emit }) => {
    const repository = ownLeaseRepository(database)
    const held = new Map<JobKey, OwnLease>()
    /** Jobs claimed by this node that are not final, with the start of the last claim. */
    const lastStartMs = new Map<JobKey, number>()
    let ticker: Timer | undefined
    let stopped = false

    const event = ({ key, jobId }: JobReference) => ({ job: key, jobId, atMs: clock.now() })

    const save = (entries: OwnLease[]): Promise<void> =>
      database.batch(
        entries.map(entry => repository.put(entry.lease.job, entry)),
        { sync: true }
      )

    function hold(entry: OwnLease): void {
      held.set(entry.lease.job, entry)
      lastStartMs.set(entry.lease.job, entry.lease.startMs)
      tick()
    }

    function tick(): void {
      if (ticker !== undefined || stopped || held.size === 0) return
      ticker = clock.schedule(timing.leaseMs / TICKS_PER_LEASE, () => {
        renewDue()
          .catch(err =>
            logger.error(
              { err },
              'leases could not be renewed; their jobs go to other workers unless the next try succeeds'
            )
          )
          .finally(() => {
            ticker = undefined
            tick()
          })
      })
    }

    function dropExpired(): void {
      for (const { lease, reference } of held.values()) {
        if (lease.expiresMs > clock.now()) continue
        held.delete(lease.job)
        logger.warn({ jobId: reference.jobId }, 'a lease expired before it was renewed: its work is given up')
        onExpired(lease.job)
      }
    }

    async function renewDue(): Promise<void> {
      dropExpired()
      const nowMs = clock.now()
      const renewals: OwnLease[] = []
      for (const entry of held.values()) {
        const expiresMs = Math.min(nowMs + timing.leaseMs, entry.deadlineMs)
        const isDue = entry.lease.expiresMs - nowMs <= timing.leaseMs * RENEW_WHEN_LEFT
        // A lease at the job's deadline runs out: the job cannot be finalised any more.
        if (!isDue || expiresMs <= entry.lease.expiresMs) continue
        renewals.push({ ...entry, lease: { ...entry.lease, expiresMs, sequence: entry.lease.sequence + 1 } })
      }
      if (renewals.length === 0) return
      await save(renewals)
      // What was released or lost while the disk wrote is not renewed, nor what expired: another may hold it by now.
      dropExpired()
      const standing = renewals.filter(
        ({ lease }) => held.get(lease.job)?.lease.sequence === lease.sequence - 1
      )
      for (const entry of standing) {
        held.set(entry.lease.job, entry)
        emit({ type: 'lease:renewed', ...event(entry.reference), expiresMs: entry.lease.expiresMs })
      }
      if (standing.length > 0) await gossip.publishLeases(standing.map(({ lease }) => lease))
    }

    return {
      async recover() {
        const ended: JobKey[] = []
        for await (const entry of repository.values()) {
          if (entry.lease.release !== undefined || entry.lease.expiresMs <= clock.now())
            ended.push(entry.lease.job)
          else hold(entry)
        }
        await database.batch(ended.map(job => repository.del(job)))
        return [...held.values()]
      },
      async claim(candidate) {
        const { reference, deadlineMs } = candidate
        const startMs = clock.now()
        const last = lastStartMs.get(reference.key)
        if (
          last !== undefined &&
          slotOf({ startMs: last }, timing.slotMs) >= slotOf({ startMs }, timing.slotMs)
        ) {
          return undefined
        }
        const expiresMs = Math.min(startMs + timing.leaseMs, deadlineMs)
        const lease: Lease = {
          job: reference.key,
          worker: self,
          startMs,
          expiresMs,
          sequence: 0,
          release: undefined
        }
        const entry = { ...candidate, lease }
        lastStartMs.set(reference.key, startMs)
        await save([entry])
        hold(entry)
        await gossip.publishLeases([lease])
        return lease
      },
      async release(job, reason) {
        const entry = held.get(job)
        if (entry === undefined) return
        held.delete(job)
        const lease: Lease = { ...entry.lease, sequence: entry.lease.sequence + 1, release: reason }
        await save([{ ...entry, lease }])
        emit({ type: 'lease:released', ...event(entry.reference), reason })
        await gossip.publishLeases([lease])
      },
      async forget(job) {
        held.delete(job)
        if (lastStartMs.delete(job)) await database.batch([repository.del(job)])
      },
      held: job => held.get(job)?.lease,
      jobs: () => [...held.keys()],
      stop() {
        stopped = true
        ticker?.cancel()
        ticker = undefined
      }
    }
  }
}
