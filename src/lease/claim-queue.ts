import TinyQueue from 'tinyqueue'
import type { JobKey } from '../interface/bytes.js'
import type { Candidate } from '../interface/lease.js'

/** An entry of the queue. It counts only while it is the latest of its job: others are dropped when they come up. */
interface Entry {
  candidate: Candidate
  dueMs: number
}

/** The open jobs, in the order in which this worker may claim them. O(log n) for each step. */
export interface ClaimQueue {
  /** Puts a job in, or moves it. `isOwner`: this worker is the best of all live ones for it. */
  put(candidate: Candidate, isOwner: boolean, dueMs: number): void
  /** Keeps a job without a turn: others can run it, this worker cannot. */
  park(candidate: Candidate): void
  /** Takes the next job to claim: the oldest that it owns, else the one that has been due for longest. */
  take(nowMs: number): Candidate | undefined
  /** When the next job comes due; undefined if there is none. */
  nextDueMs(): number | undefined
  get(job: JobKey): Candidate | undefined
  /** Forgets a job, whether it is queued or has been taken. */
  delete(job: JobKey): void
  candidates(): Iterable<Candidate>
  readonly size: number
}

export function claimQueue(): ClaimQueue {
  const candidates = new Map<JobKey, Candidate>()
  const latest = new Map<JobKey, Entry>()
  /** Jobs of others, by when they come due. */
  const others = new TinyQueue<Entry>([], byDue)
  /** Own jobs that are not due yet, by when they are. */
  const ownedLater = new TinyQueue<Entry>([], byDue)
  /** Own jobs that are due, the oldest first. */
  const owned = new TinyQueue<Entry>([], byJobId)

  const isStale = (entry: Entry): boolean => latest.get(entry.candidate.reference.key) !== entry

  /** The first entry that counts. */
  function head(queue: TinyQueue<Entry>): Entry | undefined {
    let entry = queue.peek()
    while (entry !== undefined && isStale(entry)) {
      queue.pop()
      entry = queue.peek()
    }
    return entry
  }

  return {
    put(candidate, isOwner, dueMs) {
      const { key } = candidate.reference
      const entry = { candidate, dueMs }
      candidates.set(key, candidate)
      latest.set(key, entry)
      const queue = isOwner ? ownedLater : others
      queue.push(entry)
    },
    park(candidate) {
      candidates.set(candidate.reference.key, candidate)
      latest.delete(candidate.reference.key)
    },
    take(nowMs) {
      let later = head(ownedLater)
      while (later !== undefined && later.dueMs <= nowMs) {
        ownedLater.pop()
        owned.push(later)
        later = head(ownedLater)
      }
      const mine = head(owned)
      const other = head(others)
      if (mine !== undefined) owned.pop()
      else if (other !== undefined && other.dueMs <= nowMs) others.pop()
      else return undefined
      const taken = mine ?? other
      if (taken !== undefined) latest.delete(taken.candidate.reference.key)
      return taken?.candidate
    },
    nextDueMs() {
      const heads = [head(owned), head(ownedLater), head(others)].flatMap(entry => entry?.dueMs ?? [])
      return heads.length === 0 ? undefined : Math.min(...heads)
    },
    get: job => candidates.get(job),
    delete(job) {
      candidates.delete(job)
      latest.delete(job)
    },
    candidates: () => candidates.values(),
    get size() {
      return candidates.size
    }
  }
}

const byDue = (a: Entry, b: Entry): number => a.dueMs - b.dueMs || byJobId(a, b)

function byJobId(a: Entry, b: Entry): number {
  const idA = a.candidate.reference.jobId
  const idB = b.candidate.reference.jobId
  return idA < idB ? -1 : idA > idB ? 1 : 0
}
