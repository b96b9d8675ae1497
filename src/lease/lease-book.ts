import type { JobKey, PeerKey } from '../interface/bytes.js'
import type { EquivocationProof, Lease } from '../interface/lease.js'
import { type CountedLease, holder, isBetter, isEquivocation, joinClaim } from './holder.js'

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
 * How many leases are kept in all: five for each of 100,000 open jobs. About 250 bytes each and up to 512 of evidence
 * (src/gossip/limits.ts): 400 MB if all workers of the network were liars, 40 MB for 100,000 honest leases.
 */
const MAX_LEASES = 500_000

/** The leases seen for the open jobs, and who holds each job because of them. */
export interface LeaseBook {
  /**
   * Takes a validated lease. False if it says nothing new, or if there is no room.
   * @param envelope the signed bytes that it came in, shared by its batch: kept to pass the lease on, and as evidence
   */
  add(lease: CountedLease, envelope?: Uint8Array): boolean
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
  /** Leases in memory. */
  readonly size: number
}

interface Entry {
  lease: CountedLease
  envelope: Uint8Array | undefined
}

export interface LeaseBookInit {
  slotMs: number
  /** By which it is known whether a lease has ended, where there is too little room for all. */
  now?: () => number
}

export function leaseBook({ slotMs, now = () => 0 }: LeaseBookInit): LeaseBook {
  const byJob = new Map<JobKey, Entry[]>()
  /** Worker -> job -> start of its newest claim that has not been released, in order of arrival. */
  const claims = new Map<PeerKey, Map<JobKey, number>>()
  let size = 0

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

  const leases = (job: JobKey): CountedLease[] => (byJob.get(job) ?? []).map(({ lease }) => lease)

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
      const bestOf = (own: Entry[]): CountedLease | undefined =>
        holder(
          own.map(({ lease }) => lease),
          nowMs,
          slotMs
        )
      const ranked = [...byWorker].map(([worker, own]) => ({ worker, best: bestOf(own) }))
      ranked.sort(({ best: a }, { best: b }) => {
        if (a === undefined || b === undefined) return (a === undefined ? 1 : 0) - (b === undefined ? 1 : 0)
        return isBetter(a, b, slotMs) ? -1 : 1
      })
      for (const { worker } of ranked.slice(MAX_WORKERS_PER_JOB)) byWorker.delete(worker)
    }
    return [...byWorker.values()].flat()
  }

  return {
    add(lease, envelope) {
      const known = byJob.get(lease.job) ?? []
      const position = known.findIndex(
        ({ lease: { worker, startMs } }) => worker === lease.worker && startMs === lease.startMs
      )
      const claim = known[position]
      const joined = claim === undefined ? lease : joinClaim(claim.lease, lease)
      if (claim !== undefined && joined === claim.lease) {
        claim.envelope ??= envelope
        return false
      }
      if (claim === undefined && size >= MAX_LEASES) return false
      const entry = { lease: joined, envelope: envelope ?? claim?.envelope }
      const entries = kept(claim === undefined ? [...known, entry] : known.with(position, entry))
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
      return entries === undefined ? undefined : holder(leases(job), nowMs, slotMs)
    },
    leases,
    claim: ({ job, worker, startMs }) =>
      byJob.get(job)?.find(({ lease }) => lease.worker === worker && lease.startMs === startMs)?.lease,
    leasesOf: worker =>
      [...(claims.get(worker)?.keys() ?? [])].flatMap(job =>
        leases(job).filter(lease => lease.worker === worker && lease.release === undefined)
      ),
    equivocation(lease) {
      const entries = byJob.get(lease.job) ?? []
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
      if (entries === undefined) return
      for (const { lease } of entries) unindex(job, lease.worker)
      size -= entries.length
      byJob.delete(job)
    },
    get size() {
      return size
    }
  }
}
