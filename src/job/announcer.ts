import TinyQueue from 'tinyqueue'
import type { JobKey } from '../interface/bytes.js'
import type { Clock, Timer } from '../interface/clock.js'
import type { EmitEvent } from '../interface/events.js'
import type { Gossip } from '../interface/gossip.js'
import type { JobReference } from '../interface/job.js'
import type { Logger } from '../interface/logger.js'

/**
 * An open job is announced again after these waits, the last one for ever. A mesh loses what is sent before a peer was
 * grafted (about one heartbeat), so the first waits are short.
 */
const BACK_OFF_MS = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000]
/** Announcements in one turn; more wait for the next, so that a large backlog does not hold up new jobs. */
const MAX_PER_TURN = 2_000
const TURN_MS = 100
/** All open jobs are announced again at most this often, however many peers come and go. */
const RESTART_INTERVAL_MS = 5_000
/** Entries that were moved leave the queue when they come up; beyond one for each job and these, it is built anew. */
const MAX_STALE = 1_024

interface Entry {
  reference: JobReference
  attempt: number
  dueMs: number
}

export interface AnnouncerComponents {
  gossip: Pick<Gossip, 'publishJobs'>
  clock: Clock
  logger: Logger
  emit: EmitEvent
}

/** Gossips the open jobs, again and again with back-off, until they are final. */
export interface Announcer {
  add(references: JobReference[]): void
  remove(job: JobKey): void
  /** Another sequencer announced these: this one need not, for a while. */
  heard(jobs: JobKey[]): void
  /** A peer joined that may have heard of none: all open jobs are announced again soon. */
  restart(): void
  size(): number
  stop(): void
}

export function announcer(): (components: AnnouncerComponents) => Announcer {
  return ({ gossip, clock, logger, emit }) => {
    const open = new Map<JobKey, Entry>()
    let queue = new TinyQueue<Entry>([], byDue)
    let timer: Timer | undefined
    let restarting: Timer | undefined
    let restartedMs = Number.NEGATIVE_INFINITY
    let stopped = false

    function put(entry: Entry): void {
      open.set(entry.reference.key, entry)
      queue.push(entry)
      if (queue.length > 2 * open.size + MAX_STALE) queue = new TinyQueue([...open.values()], byDue)
    }

    function peek(): Entry | undefined {
      let head = queue.peek()
      while (head !== undefined && open.get(head.reference.key) !== head) {
        queue.pop()
        head = queue.peek()
      }
      return head
    }

    function schedule(minDelayMs = 0): void {
      timer?.cancel()
      const head = peek()
      if (head === undefined || stopped) return
      timer = clock.schedule(Math.max(minDelayMs, head.dueMs - clock.steadyMs()), announceDue)
    }

    function announceDue(): void {
      const nowMs = clock.steadyMs()
      const due: Entry[] = []
      let head = peek()
      while (head !== undefined && head.dueMs <= nowMs && due.length < MAX_PER_TURN) {
        queue.pop()
        due.push(head)
        head = peek()
      }
      for (const entry of due) {
        const attempt = entry.attempt + 1
        put({ ...entry, attempt, dueMs: nowMs + waitMs(attempt) })
        const { key, jobId } = entry.reference
        emit({ type: 'job:announced', job: key, jobId, atMs: clock.now(), attempt })
      }
      if (due.length > 0) {
        gossip
          .publishJobs(due.map(entry => entry.reference))
          .catch(err => logger.warn({ err }, 'jobs could not be announced; they are announced again'))
      }
      schedule(due.length === MAX_PER_TURN ? TURN_MS : 0)
    }

    return {
      add(references) {
        const dueMs = clock.steadyMs()
        for (const reference of references)
          if (!open.has(reference.key)) put({ reference, attempt: 0, dueMs })
        announceDue()
      },
      remove(job) {
        open.delete(job)
      },
      heard(jobs) {
        for (const job of jobs) {
          const entry = open.get(job)
          if (entry === undefined || entry.attempt === 0) continue
          put({ ...entry, attempt: entry.attempt + 1, dueMs: clock.steadyMs() + waitMs(entry.attempt + 1) })
        }
        schedule()
      },
      restart() {
        const delayMs = Math.max(TURN_MS, restartedMs + RESTART_INTERVAL_MS - clock.steadyMs())
        restarting ??= clock.schedule(delayMs, () => {
          restarting = undefined
          restartedMs = clock.steadyMs()
          for (const entry of open.values()) put({ ...entry, attempt: 1, dueMs: restartedMs })
          announceDue()
        })
      },
      size: () => open.size,
      stop() {
        stopped = true
        restarting?.cancel()
        timer?.cancel()
      }
    }
  }
}

const byDue = (a: Entry, b: Entry): number => a.dueMs - b.dueMs

const waitMs = (attempt: number): number => BACK_OFF_MS[Math.min(attempt, BACK_OFF_MS.length) - 1] ?? 0
