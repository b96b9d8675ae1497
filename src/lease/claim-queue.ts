import TinyQueue from 'tinyqueue'
import type { JobKey } from '../interface/bytes.js'
import type { Candidate } from '../interface/lease.js'

/** Dropped entries that a heap may hold beyond one for each job, before it is built anew. */
const MAX_STALE = 1_024

/** An open job, and what this worker knows of it. All times are of a steady clock. */
export interface OpenJob {
  readonly candidate: Candidate
  /** When the job became known here. */
  readonly knownMs: number
  /** When the chain last said that it is open. */
  checkedMs: number
  /** Not claimed before. */
  notBeforeMs: number
  /** How often this node's own means failed at it. */
  failures: number
}

/** With its turn, if it has one. */
interface Item extends OpenJob {
  entry: Entry | undefined
}

/** A job in a heap. It counts only while it is its job's: others are dropped when they come up. */
interface Entry {
  item: Item
  dueMs: number
}

/** The open jobs, in the order in which this worker may claim them. O(log n) for each step. */
export interface ClaimQueue {
  /** Takes a job in that is known and open now, without a turn. */
  add(candidate: Candidate, nowMs: number): OpenJob
  /** Gives a job a turn, or another one. `isOwner`: this worker is the best of all live ones for it. Does nothing if it has left. */
  put(job: JobKey, isOwner: boolean, dueMs: number): void
  /** Keeps a job without a turn: others can run it, this worker cannot. */
  park(job: JobKey): void
  /** Takes the next job to claim: the oldest that it owns, else the one that has been due for longest. */
  take(nowMs: number): Candidate | undefined
  /** When the next job comes due; undefined if there is none. */
  nextDueMs(): number | undefined
  get(job: JobKey): OpenJob | undefined
  /** Forgets a job, whether it is queued or has been taken. */
  delete(job: JobKey): void
  all(): Iterable<OpenJob>
  readonly size: number
  /** Jobs that have a turn. */
  readonly waiting: number
}

export function claimQueue(): ClaimQueue {
  const items = new Map<JobKey, Item>()
  let waiting = 0
  /** Jobs of others, by when they come due. */
  let others = new TinyQueue<Entry>([], byDue)
  /** Own jobs that are not due yet, by when they are. */
  let ownedLater = new TinyQueue<Entry>([], byDue)
  /** Own jobs that are due, the oldest first. */
  let owned = new TinyQueue<Entry>([], byJobId)

  const isStale = (entry: Entry): boolean => entry.item.entry !== entry

  function setEntry(item: Item, entry: Entry | undefined): void {
    if (item.entry !== undefined) waiting--
    if (entry !== undefined) waiting++
    item.entry = entry
  }

  /** Jobs are moved whenever workers come and go: what was left behind must not gather. */
  function push(
    queue: TinyQueue<Entry>,
    entry: Entry,
    compare: (a: Entry, b: Entry) => number
  ): TinyQueue<Entry> {
    queue.push(entry)
    if (queue.length <= 2 * items.size + MAX_STALE) return queue
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
    add(candidate, nowMs) {
      const item = {
        candidate,
        knownMs: nowMs,
        checkedMs: nowMs,
        notBeforeMs: 0,
        failures: 0,
        entry: undefined
      }
      items.set(candidate.reference.key, item)
      return item
    },
    put(job, isOwner, dueMs) {
      const item = items.get(job)
      if (item === undefined) return
      const entry = { item, dueMs }
      setEntry(item, entry)
      if (isOwner) ownedLater = push(ownedLater, entry, byDue)
      else others = push(others, entry, byDue)
    },
    park(job) {
      const item = items.get(job)
      if (item !== undefined) setEntry(item, undefined)
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
      if (taken !== undefined) setEntry(taken.item, undefined)
      return taken?.item.candidate
    },
    nextDueMs() {
      const never = Number.POSITIVE_INFINITY
      const dueMs = (queue: TinyQueue<Entry>): number => head(queue)?.dueMs ?? never
      const nextMs = Math.min(dueMs(owned), dueMs(ownedLater), dueMs(others))
      return nextMs === never ? undefined : nextMs
    },
    get: job => items.get(job),
    delete(job) {
      const item = items.get(job)
      if (item === undefined) return
      setEntry(item, undefined)
      items.delete(job)
    },
    all: () => items.values(),
    get size() {
      return items.size
    },
    get waiting() {
      return waiting
    }
  }
}

const byDue = (a: Entry, b: Entry): number => a.dueMs - b.dueMs || byJobId(a, b)

function byJobId(a: Entry, b: Entry): number {
  const idA = a.item.candidate.reference.jobId
  const idB = b.item.candidate.reference.jobId
  return idA < idB ? -1 : idA > idB ? 1 : 0
}
