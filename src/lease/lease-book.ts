import type { JobKey, PeerKey } from '../interface/bytes.js'
import type { Lease } from '../interface/lease.js'
import { holder, joinClaim } from './holder.js'

/**
 * How many claims of one worker for one job are kept, the newest. An honest worker claims a job again only after its
 * lease ended, so a longer list is either very old or an attempt to fill the memory.
 */
const MAX_CLAIMS_PER_WORKER = 8
/**
 * How many workers' leases are kept for one job. With rendezvous ranking one worker claims, and a few more after faults;
 * beyond 64 a newcomer is refused.
 */
const MAX_WORKERS_PER_JOB = 64

/** The leases seen for the open jobs, and who holds each job because of them. */
export interface LeaseBook {
  /** Takes a validated lease. False if it says nothing new. */
  add(lease: Lease): boolean
  holder(job: JobKey, nowMs: number): Lease | undefined
  leases(job: JobKey): Lease[]
  /** How many jobs the worker has claimed since a moment and not ended: its load beyond what its presence said. */
  claimsSince(worker: PeerKey, sinceMs: number): number
  /** Forgets a job that is final. */
  forget(job: JobKey): void
}

export function leaseBook({ slotMs }: { slotMs: number }): LeaseBook {
  const byJob = new Map<JobKey, Map<PeerKey, Lease[]>>()
  /** Worker -> job -> start of its newest claim that has not been released. */
  const claims = new Map<PeerKey, Map<JobKey, number>>()

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

  return {
    add(lease) {
      const workers = byJob.get(lease.job) ?? new Map<PeerKey, Lease[]>()
      const known = workers.get(lease.worker) ?? []
      if (known.length === 0 && workers.size >= MAX_WORKERS_PER_JOB) return false
      const claim = known.find(other => other.startMs === lease.startMs)
      const joined = claim === undefined ? lease : joinClaim(claim, lease)
      if (joined === claim) return false
      const others = known.filter(other => other !== claim)
      const kept = [...others, joined].sort((a, b) => a.startMs - b.startMs).slice(-MAX_CLAIMS_PER_WORKER)
      workers.set(lease.worker, kept)
      byJob.set(lease.job, workers)
      const newest = kept.at(-1)
      if (newest !== undefined) index(newest)
      return true
    },
    holder(job, nowMs) {
      const workers = byJob.get(job)
      return workers === undefined ? undefined : holder([...workers.values()].flat(), nowMs, slotMs)
    },
    leases: job => [...(byJob.get(job)?.values() ?? [])].flat(),
    claimsSince(worker, sinceMs) {
      let count = 0
      for (const startMs of claims.get(worker)?.values() ?? []) if (startMs > sinceMs) count++
      return count
    },
    forget(job) {
      for (const worker of byJob.get(job)?.keys() ?? []) unindex(job, worker)
      byJob.delete(job)
    }
  }
}
