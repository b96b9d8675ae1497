import { type OwnLease, ownLeaseRepository } from '../db/repositories/own-lease.js'
import { signedClaimRepository } from '../db/repositories/signed-claim.js'
import type { JobKey, PeerKey } from '../interface/bytes.js'
import type { Clock, Timer } from '../interface/clock.js'
import type { Database } from '../interface/database.js'
import { DatabaseWriteError } from '../interface/errors.js'
import type { EmitEvent } from '../interface/events.js'
import type { Gossip } from '../interface/gossip.js'
import type { JobReference } from '../interface/job.js'
import type { Candidate, Lease, LeaseTiming, ReleaseReason } from '../interface/lease.js'
import type { Logger } from '../interface/logger.js'
import { signingHistory } from './signing-history.js'

/** A lease is renewed when a third of it has passed: two renewals may be lost before it expires. */
const RENEW_WHEN_LEFT = 2 / 3
/** How often, in a lease's length, this node looks for leases to renew. They are renewed together, in one message. */
const TICKS_PER_LEASE = 12

export interface OwnLeasesInit {
  self: PeerKey
  timing: LeaseTiming
  /** Whether the database holds all that this key has signed; see `signing-history.ts`. */
  isContinuous: boolean
  /** Whether this node's clock is right: looked at for each claim. */
  isClockRight(): boolean
  /** A lease ran out before it was renewed (the process was stopped, the disk hung): its work must stop. */
  onExpired(job: JobKey): void
  /** A renewal or release is on disk: this node's own book must know it as others' will. */
  onSigned(lease: Lease): void
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
  /**
   * Takes up what an earlier run held: what has not been released and has not expired. Nothing of a database that is not
   * continuous: what it says to be held may have been released, or lost, since.
   */
  recover(): Promise<OwnLease[]>
  /**
   * Claims a job until now + L, at most until its deadline. Resolves when the lease is on disk and handed to gossip.
   * Undefined if this key claimed the job in the present slot, or may have: two claims in one slot are equivocation.
   * Undefined, too, if the disk took longer than a slot: then nobody hears of the claim; and if this node's clock is wrong.
   */
  claim(candidate: Candidate): Promise<Lease | undefined>
  /** No claim is made before this time (ms since the epoch). */
  quietUntilMs(): number
  /** Leases with this node's own signature that came from peers. */
  heard(leases: Lease[]): Promise<void>
  /** Says again what this node holds, to one that has not heard of it. */
  repeat(job: JobKey): Promise<void>
  /** Gives a lease up and says so. Does nothing where there is none. */
  release(job: JobKey, reason: ReleaseReason): Promise<void>
  /** Gives all leases up. Those whose release the disk does not take run out by themselves. */
  releaseAll(reason: ReleaseReason): Promise<void>
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
  isContinuous,
  isClockRight,
  onExpired,
  onSigned
}: OwnLeasesInit): (components: OwnLeasesComponents) => OwnLeases {
  return ({ database, gossip, clock, logger, emit }) => {
    const repository = ownLeaseRepository(database)
    const held = new Map<JobKey, OwnLease>()
    /** Taken up from an earlier run and not renewed since: perhaps nobody has heard of them, and their claims are too old to tell. */
    const recovered = new Set<JobKey>()
    const claims = signedClaimRepository(database)
    const history = signingHistory({ timing, isContinuous })({ claims, database, clock, logger })
    /** Most jobs that end were another worker's. */
    const nothingToDo = Promise.resolve()
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
      history.sign(entry.lease.job, entry.lease.startMs)
      tick()
    }

    function tick(): void {
      if (ticker !== undefined || stopped || held.size === 0) return
      ticker = clock.schedule(timing.leaseMs / TICKS_PER_LEASE, () => {
        renewDue()
          .catch(err => {
            // A renewal that is not on disk is not published. The database says by itself, once, that it cannot write.
            const say = err instanceof DatabaseWriteError ? logger.debug : logger.error
            say.call(
              logger,
              { err },
              'leases could not be renewed; their jobs go to other workers unless the next try succeeds'
            )
          })
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
        const leftMs = entry.lease.expiresMs - nowMs
        const isDue = leftMs <= timing.leaseMs * RENEW_WHEN_LEFT || recovered.has(entry.lease.job)
        // A lease at the job's deadline runs out: the job cannot be finalised any more.
        if (!isDue || expiresMs <= entry.lease.expiresMs) continue
        renewals.push({ ...entry, lease: { ...entry.lease, expiresMs, sequence: entry.lease.sequence + 1 } })
      }
      if (renewals.length === 0) return
      await save(renewals)
      recovered.clear()
      // What was released or lost while the disk wrote is not renewed, nor what expired: another may hold it by now.
      dropExpired()
      const standing = renewals.filter(
        ({ lease }) => held.get(lease.job)?.lease.sequence === lease.sequence - 1
      )
      for (const entry of standing) {
        held.set(entry.lease.job, entry)
        onSigned(entry.lease)
        emit({ type: 'lease:renewed', ...event(entry.reference), expiresMs: entry.lease.expiresMs })
      }
      if (standing.length > 0) await gossip.publishLeases(standing.map(({ lease }) => lease))
    }

    async function release(entries: OwnLease[], reason: ReleaseReason): Promise<void> {
      if (entries.length === 0) return
      for (const { lease } of entries) held.delete(lease.job)
      const released = entries.map(entry => ({
        ...entry,
        lease: { ...entry.lease, sequence: entry.lease.sequence + 1, release: reason }
      }))
      await save(released)
      for (const { lease, reference } of released) {
        onSigned(lease)
        emit({ type: 'lease:released', ...event(reference), reason })
      }
      await gossip.publishLeases(released.map(({ lease }) => lease))
    }

    return {
      async recover() {
        await history.load()
        if (!isContinuous) return []
        const ended: JobKey[] = []
        for await (const entry of repository.values()) {
          if (entry.lease.release !== undefined || entry.lease.expiresMs <= clock.now())
            ended.push(entry.lease.job)
          else {
            hold(entry)
            recovered.add(entry.lease.job)
          }
        }
        if (ended.length > 0) await database.batch(ended.map(job => repository.del(job)))
        return [...held.values()]
      },
      async claim(candidate) {
        const { reference, deadlineMs } = candidate
        const startMs = clock.now()
        if (!isClockRight() || !(await history.maySign(reference.key, startMs))) return undefined
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
        history.sign(reference.key, startMs)
        const operations = [
          repository.put(reference.key, entry),
          claims.put({ job: reference.key, startMs, source: 'self' })
        ]
        await database.batch(operations, { sync: true })
        // After a slot it may reach others too late to count there, and would count here: as if it had never been made.
        if (clock.now() - startMs > timing.slotMs) {
          await database.batch([repository.del(reference.key)])
          return undefined
        }
        hold(entry)
        try {
          await gossip.publishLeases([lease])
        } catch (err) {
          // Nobody has heard of it: were it kept and renewed, nobody would work on the job.
          held.delete(reference.key)
          throw err
        }
        return lease
      },
      async repeat(job) {
        const entry = held.get(job)
        if (entry !== undefined) await gossip.publishLeases([entry.lease])
      },
      async release(job, reason) {
        const entry = held.get(job)
        if (entry !== undefined) await release([entry], reason)
      },
      async releaseAll(reason) {
        await release([...held.values()], reason).catch((err: unknown) =>
          logger.warn({ err }, 'the leases could not be released; they run out by themselves')
        )
      },
      forget(job) {
        held.delete(job)
        return history.forget(job) ? database.batch([repository.del(job)]) : nothingToDo
      },
      quietUntilMs: history.quietUntilMs,
      async heard(leases) {
        for (const lease of leases) {
          const known = held.get(lease.job)?.lease ?? (await repository.get(lease.job))?.lease
          await history.heard(lease, known)
        }
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
