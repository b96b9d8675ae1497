import TinyQueue from 'tinyqueue'
import type { JobKey } from '../interface/bytes.js'
import type { Candidate } from '../interface/lease.js'

/** Dropped entries that a heap may hold beyond one for each job, before it is built anew. */
const MAX_STALE = 1_024

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
  /** Jobs that have a turn. */
  readonly waiting: number
}

export function claimQueue(): ClaimQueue {
  const candidates = new Map<JobKey, Candidate>()
  const latest = new Map<JobKey, Entry>()
  /** Jobs of others, by when they come due. */
  let others = new TinyQueue<Entry>([], byDue)
  /** Own jobs that are not due yet, by when they are. */
  let ownedLater = new TinyQueue<Entry>([], byDue)
  /** Own jobs that are due, the oldest first. */
  let owned = new TinyQueue<Entry>([], byJobId)

  const isStale = (entry: Entry): boolean => latest.get(entry.candidate.reference.key) !== entry

  /** Jobs are moved whenever workers come and go: what was left behind must not gather. */
  function push(
    queue: TinyQueue<Entry>,
    entry: Entry,
    compare: (a: Entry, b: Entry) => number
  ): TinyQueue<Entry> {
    queue.push(entry)
    if (queue.length <= 2 * candidates.size + MAX_STALE) return queue
    return new TinyQueue(
      queue.data.filter(one => !isStale(one)),
      compare
    )
  }

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
      if (isOwner) ownedLater = push(ownedLater, entry, byDue)
      else others = push(others, entry, byDue)
    },
    park(candidate) {
      candidates.set(candidate.reference.key, candidate)
      latest.delete(candidate.reference.key)
    },
    take(nowMs) {
      let later = head(ownedLater)
      while (later !== undefined && later.dueMs <= nowMs) {
        ownedLater.pop()
        owned = push(owned, later, byJobId)
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
    },
    get waiting() {
      return latest.size
    }
  }
}

const byDue = (a: Entry, b: Entry): number => a.dueMs - b.dueMs || byJobId(a, b)

function byJobId(a: Entry, b: Entry): number {
  const idA = a.candidate.reference.jobId
  const idB = b.candidate.reference.jobId
  return idA < idB ? -1 : idA > idB ? 1 : 0
}
