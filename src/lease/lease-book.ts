import type { JobKey, PeerKey } from '../interface/bytes.js'
import type { EquivocationProof, Lease } from '../interface/lease.js'
import { evidence } from './evidence.js'
import { type CountedLease, holder, isBetter, isEquivocation, joinClaim } from './holder.js'
import { type Hold, holdOf, isOverdue } from './overdue.js'

/**
 * How many claims of one worker for one job are kept, the newest. An honest worker claims a job again only after its
 * lease ended, so a longer list is either very old or an attempt to fill the memory.
 */
const MAX_CLAIMS_PER_WORKER = 8
/**
 * How many workers' leases are kept for one job. With rendezvous ranking one worker claims, and a few more after faults.
 * Beyond 64 those that have ended leave, then the worst: by the leases' own order, so that all nodes keep the same ones.
 */
const MAX_WORKERS_PER_JOB = 64
/**
 * How many leases are kept in all: five for each of 100,000 open jobs, about 290 bytes each: 145 MB if all workers of the
 * network were liars, 25 MB for 100,000 honest leases. This node's own are not counted against it: there are as many as it
 * has claimed.
 */
const MAX_LEASES = 500_000
/**
 * Bytes of the envelopes that are kept with leases, each once: three times what 100,000 leases take that came alone (200 bytes).
 * Beyond it leases count as before, but are no evidence and are not passed on by sync.
 */
const MAX_EVIDENCE_BYTES = 64 * 2 ** 20
/** A lease that ended this long ago leaves when there is no room: by then the rule of witness.ts has no use for it. */
const KEEP_ENDED_MS = 30_000
/** When there is no room, a new lease makes so many jobs be looked at for leases that have ended: some 20 µs. */
const JOBS_PER_LOOK = 256

/** The leases seen for the open jobs, and who holds each job because of them. */
export interface LeaseBook {
  /**
   * Takes a validated lease. False if it says nothing new, or if there is no room.
   * @param envelope the signed bytes that it came in, shared by its batch: kept to pass the lease on, and as evidence
   */
  add(lease: CountedLease, envelope?: Uint8Array): boolean
  /** Of this node's own view: another that has held the job for too long (overdue.ts) keeps it no longer. */
  holder(job: JobKey, nowMs: number): CountedLease | undefined
  leases(job: JobKey): CountedLease[]
  /** What is known of one claim: its latest lease. */
  claim(lease: Pick<Lease, 'job' | 'worker' | 'startMs'>): CountedLease | undefined
  /** Leases of a worker that have not been released. */
  leasesOf(worker: PeerKey): CountedLease[]
  /** Two envelopes in which a lease's worker claimed the job twice in one slot, if both are here. */
  equivocation(lease: Lease): EquivocationProof | undefined
  /** The signed batches that hold the live leases, each once. */
  envelopes(nowMs: number): Uint8Array[]
  /** How many jobs the worker has claimed since a moment and not ended: its load beyond what its presence said. Counts up to `most`. */
  claimsSince(worker: PeerKey, sinceMs: number, most?: number): number
  /** Forgets a job that is final. */
  forget(job: JobKey): void
  /** Forgets all leases of a worker, as nothing that it says counts any more. @returns the jobs that it had leases of */
  drop(worker: PeerKey): JobKey[]
  /** Leases in memory. */
  readonly size: number
  /** Bytes of their envelopes. */
  readonly evidenceBytes: number
}

interface Entry {
  lease: CountedLease
  /** Undefined of nearly all: a claim that was heard once. There may be half a million of them. */
  hold: Hold | undefined
  envelope: Uint8Array | undefined
}

export interface LeaseBookInit {
  slotMs: number
  /** This node's own key: there is always room for its leases. */
  self?: PeerKey
  /** By which it is known whether a lease has ended, where there is too little room for all. */
  now?: () => number
  maxLeases?: number
  maxEvidenceBytes?: number
}

export function leaseBook({
  slotMs,
  self,
  now = () => 0,
  maxLeases = MAX_LEASES,
  maxEvidenceBytes = MAX_EVIDENCE_BYTES
}: LeaseBookInit): LeaseBook {
  const envelopes = evidence({ maxBytes: maxEvidenceBytes })
  const byJob = new Map<JobKey, Entry[]>()
  /** Worker -> job -> start of its newest claim that has not been released, in order of arrival. */
  const claims = new Map<PeerKey, Map<JobKey, number>>()
  let size = 0
  /** Where the next look for ended leases goes on. */
  let lookAt: IterableIterator<[JobKey, Entry[]]> | undefined

  function unindex(job: JobKey, worker: PeerKey): void {
    const jobs = claims.get(worker)
    jobs?.delete(job)
    if (jobs?.size === 0) claims.delete(worker)
  }

  function index({ job, worker, startMs, release }: Lease): void {
    if (release !== undefined) return unindex(job, worker)
    const jobs = claims.get(worker) ?? new Map<JobKey, number>()
    jobs.set(job, startMs)
    claims.set(worker, jobs)
  }

  const holdIn = ({ lease: { startMs }, hold }: Entry): Hold => hold ?? { sinceMs: startMs, heardMs: startMs }
  const leasesIn = (entries: Entry[]): CountedLease[] => entries.map(({ lease }) => lease)
  const leases = (job: JobKey): CountedLease[] => leasesIn(byJob.get(job) ?? [])

  /** What is kept of all that is known of a job: the newest claims of each worker, of not too many workers. */
  function kept(entries: Entry[]): Entry[] {
    if (entries.length <= MAX_CLAIMS_PER_WORKER) return entries
    const byWorker = new Map<PeerKey, Entry[]>()
    for (const entry of entries) {
      const own = byWorker.get(entry.lease.worker)
      if (own === undefined) byWorker.set(entry.lease.worker, [entry])
      else own.push(entry)
    }
    for (const [worker, own] of byWorker) {
      own.sort((a, b) => a.lease.startMs - b.lease.startMs)
      byWorker.set(worker, own.slice(-MAX_CLAIMS_PER_WORKER))
    }
    if (byWorker.size > MAX_WORKERS_PER_JOB) {
      const nowMs = now()
      const ranked = [...byWorker].map(([worker, own]) => ({
        worker,
        best: holder(leasesIn(own), nowMs, slotMs)
      }))
      ranked.sort(({ best: a }, { best: b }) => {
        if (a === undefined || b === undefined) return (a === undefined ? 1 : 0) - (b === undefined ? 1 : 0)
        return isBetter(a, b, slotMs) ? -1 : 1
      })
      for (const { worker } of ranked.slice(MAX_WORKERS_PER_JOB)) byWorker.delete(worker)
    }
    return [...byWorker.values()].flat()
  }

  /** Takes all leases of some workers out of a job. */
  function leave(job: JobKey, entries: Entry[], staysIn: (worker: PeerKey) => boolean): void {
    const left = entries.filter(({ lease }) => staysIn(lease.worker))
    for (const { lease, envelope } of entries) {
      if (staysIn(lease.worker)) continue
      unindex(job, lease.worker)
      envelopes.drop(envelope)
    }
    size += left.length - entries.length
    if (left.length === 0) byJob.delete(job)
    else byJob.set(job, left)
  }

  /**
   * Looks on through the jobs, round and round, for workers whose leases of the job have all ended a while ago. Those of a worker
   * that has one that may still hold stay: they may void it.
   */
  function makeRoom(): void {
    const endedMs = now() - KEEP_ENDED_MS
    for (let looked = 0; looked < JOBS_PER_LOOK && size >= maxLeases; looked++) {
      lookAt ??= byJob.entries()
      const next = lookAt.next()
      if (next.done === true) {
        lookAt = undefined
        continue
      }
      const [job, entries] = next.value
      const standing = new Set<PeerKey>()
      for (const { lease } of entries) if (lease.expiresMs > endedMs) standing.add(lease.worker)
      if (entries.some(({ lease }) => !standing.has(lease.worker)))
        leave(job, entries, worker => standing.has(worker))
    }
  }

  return {
    add(lease, envelope) {
      const isOwn = lease.worker === self
      if (size >= maxLeases) makeRoom()
      const known = byJob.get(lease.job)
      if (known === undefined) {
        // Nearly always: one claim for each job.
        if (size >= maxLeases && !isOwn) return false
        const hold = lease.sequence === 0 ? undefined : holdOf(lease.startMs, [], now())
        byJob.set(lease.job, [{ lease, hold, envelope: envelopes.keep(envelope, isOwn) }])
        size++
        index(lease)
        return true
      }
      const position = known.findIndex(
        ({ lease: { worker, startMs } }) => worker === lease.worker && startMs === lease.startMs
      )
      const claim = known[position]
      const joined = claim === undefined ? lease : joinClaim(claim.lease, lease)
      if (claim !== undefined && joined === claim.lease) {
        claim.envelope ??= envelopes.keep(envelope, isOwn)
        return false
      }
      if (claim === undefined && size >= maxLeases && !isOwn) return false
      const before = known.filter(one => one.lease.worker === lease.worker).map(holdIn)
      const hold =
        claim === undefined
          ? holdOf(lease.startMs, before, now())
          : { sinceMs: holdIn(claim).sinceMs, heardMs: now() }
      const entry: Entry = { lease: joined, hold, envelope: undefined }
      const all = claim === undefined ? [...known, entry] : known.with(position, entry)
      const entries = kept(all)
      if (entries.length < all.length) {
        const staying = new Set(entries)
        for (const one of all) if (!staying.has(one)) envelopes.drop(one.envelope)
      }
      envelopes.drop(claim?.envelope)
      if (entries.includes(entry)) entry.envelope = envelopes.keep(envelope ?? claim?.envelope, isOwn)
      byJob.set(lease.job, entries)
      size += entries.length - known.length
      const own = entries.filter(({ lease: { worker } }) => worker === lease.worker)
      const newest = own.reduce<CountedLease | undefined>(
        (best, { lease: one }) => (best === undefined || one.startMs > best.startMs ? one : best),
        undefined
      )
      if (newest === undefined) unindex(lease.job, lease.worker)
      else index(newest)
      return own.includes(entry)
    },
    holder(job, nowMs) {
      const entries = byJob.get(job)
      if (entries === undefined) return undefined
      const isOut = ({ lease, hold }: Entry): boolean =>
        isOverdue(hold?.sinceMs ?? lease.startMs, nowMs) && lease.worker !== self
      // Nearly always nobody is, and this is asked for each lease that comes.
      const counted = entries.some(isOut) ? entries.filter(entry => !isOut(entry)) : entries
      return holder(leasesIn(counted), nowMs, slotMs)
    },
    leases,
    claim: ({ job, worker, startMs }) =>
      byJob.get(job)?.find(({ lease }) => lease.worker === worker && lease.startMs === startMs)?.lease,
    leasesOf: worker =>
      [...(claims.get(worker)?.keys() ?? [])].flatMap(job =>
        leases(job).filter(lease => lease.worker === worker && lease.release === undefined)
      ),
    equivocation(lease) {
      const entries = byJob.get(lease.job)
      if (entries === undefined || entries.length < 2) return undefined
      const first = entries.find(
        one => one.lease.worker === lease.worker && one.lease.startMs === lease.startMs
      )
      const second = entries.find(one => isEquivocation(one.lease, lease, slotMs))
      if (first?.envelope === undefined || second?.envelope === undefined) return undefined
      return { leases: [first.lease, second.lease], envelopes: [first.envelope, second.envelope] }
    },
    envelopes(nowMs) {
      const found = new Set<Uint8Array>()
      for (const entries of byJob.values()) {
        for (const { lease, envelope } of entries) {
          if (envelope !== undefined && lease.release === undefined && lease.expiresMs > nowMs)
            found.add(envelope)
        }
      }
      return [...found]
    },
    claimsSince(worker, sinceMs, most = Number.POSITIVE_INFINITY) {
      let count = 0
      for (const startMs of claims.get(worker)?.values() ?? []) {
        if (startMs > sinceMs && ++count >= most) break
      }
      return count
    },
    forget(job) {
      const entries = byJob.get(job)
      if (entries !== undefined) leave(job, entries, () => false)
    },
    drop(worker) {
      const jobs: JobKey[] = []
      for (const [job, entries] of byJob) {
        if (!entries.some(({ lease }) => lease.worker === worker)) continue
        leave(job, entries, other => other !== worker)
        jobs.push(job)
      }
      return jobs
    },
    get size() {
      return size
    },
    get evidenceBytes() {
      return envelopes.sizeBytes
    }
  }
}
