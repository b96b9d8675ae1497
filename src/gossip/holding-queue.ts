import type { Clock, JobKey, Lease, PeerKey } from '../interface/index.js'

export interface HoldingQueueInit {
  /** Leases in all. */
  total: number
  /** Leases of one author. */
  perAuthor: number
  /** How long a lease waits. */
  ageMs: number
}

/**
 * Leases whose job is not known here yet. First in, first out. A lease beyond its author's share is refused, so that
 * a stranger displaces only its own; beyond the total, the oldest leaves.
 */
export interface HoldingQueue {
  /** False if the author has its share already. */
  hold(lease: Lease, envelope?: Uint8Array): boolean
  /** Removes and returns the leases of these jobs that still wait, in order of arrival, by what they came in. */
  release(jobs: JobKey[]): Released[]
  /** Forgets all. */
  clear(): void
  readonly size: number
}

/** Leases of one author. */
export interface Released {
  author: PeerKey
  envelope: Uint8Array | undefined
  leases: Lease[]
}

interface Held {
  lease: Lease
  envelope: Uint8Array | undefined
  untilMs: number
}

export function holdingQueue(init: HoldingQueueInit): (components: { clock: Clock }) => HoldingQueue {
  return ({ clock }) => {
    /** In order of arrival, which is the order of expiry as all wait equally long. */
    const waiting = new Set<Held>()
    const byJob = new Map<JobKey, Set<Held>>()
    const countOf = new Map<PeerKey, number>()

    function remove(held: Held): void {
      const { job, worker } = held.lease
      waiting.delete(held)
      const ofJob = byJob.get(job)
      ofJob?.delete(held)
      if (ofJob?.size === 0) byJob.delete(job)
      const count = (countOf.get(worker) ?? 1) - 1
      if (count === 0) countOf.delete(worker)
      else countOf.set(worker, count)
    }

    /** No timer: what has expired leaves when the next lease comes, and the total bounds what stays until then. */
    function expire(): void {
      const nowMs = clock.steadyMs()
      for (const held of waiting) {
        if (held.untilMs > nowMs) break
        remove(held)
      }
    }

    return {
      hold(lease, envelope) {
        expire()
        const count = countOf.get(lease.worker) ?? 0
        if (count >= init.perAuthor) return false
        for (const oldest of waiting) {
          if (waiting.size < init.total) break
          remove(oldest)
        }
        const held = { lease, envelope, untilMs: clock.steadyMs() + init.ageMs }
        waiting.add(held)
        const ofJob = byJob.get(lease.job) ?? new Set<Held>()
        byJob.set(lease.job, ofJob.add(held))
        countOf.set(lease.worker, (countOf.get(lease.worker) ?? 0) + 1)
        return true
      },

      release(jobs) {
        if (waiting.size === 0) return []
        expire()
        const released: Released[] = []
        // By author and envelope: there may be as many as leases wait.
        const groups = new Map<PeerKey, Map<Uint8Array | undefined, Released>>()
        for (const job of jobs) {
          for (const held of [...(byJob.get(job) ?? [])]) {
            remove(held)
            const { lease, envelope } = held
            const { worker: author } = lease
            const ofAuthor = groups.get(author) ?? new Map<Uint8Array | undefined, Released>()
            const group = ofAuthor.get(envelope) ?? { author, envelope, leases: [] }
            if (group.leases.length === 0) {
              groups.set(author, ofAuthor.set(envelope, group))
              released.push(group)
            }
            group.leases.push(lease)
          }
        }
        return released
      },

      clear() {
        waiting.clear()
        byJob.clear()
        countOf.clear()
      },

      get size() {
        return waiting.size
      }
    }
  }
}
