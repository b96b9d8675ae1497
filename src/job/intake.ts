import TinyQueue from 'tinyqueue'
import type { JobKey } from '../interface/bytes.js'
import type { ChainReader } from '../interface/chain.js'
import type { Clock, Timer } from '../interface/clock.js'
import type { EmitEvent } from '../interface/events.js'
import { type Job, type JobReference, JobStatus } from '../interface/job.js'
import type { Logger } from '../interface/logger.js'
import type { NetworkIdentity } from '../interface/settings.js'
import { type Announcer, announcers } from './announcers.js'
import { jobKey } from './job-key.js'

/** Announced jobs that wait for their check: 150,000 of about 600 bytes are 90 MB. Later ones are announced again anyway. */
const MAX_PENDING = 150_000
/** How many jobs one look at the chain covers. */
const CHECK_BATCH = 500
/** Of these, for announcers that were not right yet: so that proven ones cannot keep a newcomer out, nor liars them. */
const UNPROVEN_BATCH = 100
/** Entries that are of no use any more, beyond one for each job that waits, before a heap is built anew. */
const MAX_STALE = 1_024
/** A log that the chain does not show is looked for again after these waits: the endpoint may lag behind the sequencer. */
const MISSING_RETRY_MS = [250, 500, 1_000, 2_000, 4_000]
/** A job that another has is thought of again after this: it may have been released. */
const HELD_LOOK_MS = 2_000
/** After an error of the endpoint the check is tried again after this long; the chain client backs off by itself. */
const UNAVAILABLE_RETRY_MS = 1_000
/** Jobs known to be final or past are remembered, so that an announcement that comes late costs no request. */
const MAX_REMEMBERED = 50_000
/**
 * How long an announcement of a final job is taken for a late one. After that it is news: a reorg took its result off the
 * chain, and sequencers announce it again, at least twice a minute. Longer than who submitted the result needs to send it again:
 * a look at the chain and a block of 12 s. Where the chain says that the job is final all the same, the wait is doubled: a sequencer
 * that lags announces what is final, and must not keep this node asking.
 */
const FINAL_MS = 15_000
const MAX_FINAL_MS = 60_000
/** A job past its deadline stays so. */
const PAST_MS = 3_600_000

export interface IntakeInit {
  network: NetworkIdentity
  /** A job that is on chain as announced, and open. It has been given to `onWaiting` before. */
  onOpen(job: Job, reference: JobReference): void
  /** Whether the job has been taken in already. */
  has(job: JobKey): boolean
  /** How many more jobs are of use now; the rest waits unchecked. Default: all. */
  room?(): number
  /** Until when (ms since the epoch) another worker has the job, as far as is known: till then it need not be looked at. */
  heldUntilMs?(job: JobKey): number | undefined
  /** How much of use a job is likely to be here: lower is better. Default: all the same. */
  priority?(job: JobKey): number
  /** A job waits for its check. */
  onWaiting?(reference: JobReference): void
  /** A job that waited was found to be final, or not on the chain. Not called for what is closed. */
  onDropped?(job: JobKey, isFinal: boolean): void
}

export interface IntakeComponents {
  chain: Pick<ChainReader, 'verifyJobs'>
  clock: Clock
  logger: Logger
  emit: EmitEvent
}

/**
 * Checks announced jobs against the chain before anything else hears of them: half of them by priority, as each worker will
 * run only its share, and half by age, so that each job's turn comes.
 */
export interface Intake {
  /**
   * Takes an announcement; what is known, wrong by itself or too much is dropped.
   * @param from who says so: the announcement's author, or the peer that was asked
   * @param options.isAsked this node asked for them, so that there may be very many
   */
  announce(references: JobReference[], from?: string, options?: { isAsked?: boolean }): void
  /** Jobs that are final: announcements of them are ignored for a while. */
  close(job: JobKey): void
  /** Jobs past their deadline: the same, for longer. */
  closePast(job: JobKey): void
  /** There may be room for more. */
  onRoom(): void
  /** Another worker has given the job up: if it waits here, it is looked at now. */
  onReleased(job: JobKey): void
  /** Whether the job waits for its check. */
  isPending(job: JobKey): boolean
  /** Whether jobs of this announcer were on the chain. */
  isProven(from: string): boolean
  /** The jobs that wait for their check. */
  pending(): Iterable<JobReference>
  readonly size: number
  stop(): void
}

interface Pending {
  reference: JobReference
  attempts: number
  notBeforeMs: number
  announcer: Announcer
  priority: number
  /** In the heaps. An entry of a job that has been taken from one heap is passed over in the other. */
  isReady: boolean
}

export function intake(init: IntakeInit): (components: IntakeComponents) => Intake {
  const { network, onOpen, has, room = () => Number.POSITIVE_INFINITY, priority = () => 0 } = init
  const heldUntilMs = init.heldUntilMs ?? (() => undefined)
  return ({ chain, clock, logger, emit }) => {
    const pending = new Map<JobKey, Pending>()
    const sources = announcers({ clock })
    /** Those that may be checked now; entries whose job has left are passed over. */
    const ready = {
      best: new TinyQueue<Pending>([], byPriority),
      oldest: new TinyQueue<Pending>([], byJobId),
      unproven: new TinyQueue<Pending>([], byJobId)
    }
    const later = new TinyQueue<Pending>([], (a, b) => a.notBeforeMs - b.notBeforeMs)
    /** Until when announcements of a job are ignored, and for how long that was. */
    const remembered = new Map<JobKey, { untilMs: number; forMs: number }>()
    const aborter = new AbortController()
    let checking = false
    let timer: Timer | undefined
    /** When it rings. */
    let timerMs = Number.POSITIVE_INFINITY

    function remember(job: JobKey, forMs: number): void {
      remembered.delete(job)
      remembered.set(job, { untilMs: clock.steadyMs() + forMs, forMs })
      if (remembered.size <= MAX_REMEMBERED) return
      const [oldest] = remembered.keys()
      if (oldest !== undefined) remembered.delete(oldest)
    }

    function rememberFinal(job: JobKey): void {
      const before = remembered.get(job)
      remember(job, before === undefined ? FINAL_MS : Math.min(2 * before.forMs, MAX_FINAL_MS))
    }

    function drop(entry: Pending): void {
      const { key } = entry.reference
      if (pending.get(key) !== entry) return
      pending.delete(key)
      sources.remove(entry.announcer)
    }

    const isStale = (entry: Pending): boolean => pending.get(entry.reference.key) !== entry
    const isWaiting = (entry: Pending): boolean => entry.isReady && !isStale(entry)

    function makeReady(entry: Pending): void {
      entry.isReady = true
      if (sources.isProven(entry.announcer)) {
        ready.best.push(entry)
        ready.oldest.push(entry)
        // What was taken as one of the oldest sinks to its bottom.
        if (ready.best.length > 2 * pending.size + MAX_STALE)
          ready.best = new TinyQueue(ready.best.data.filter(isWaiting), byPriority)
      } else ready.unproven.push(entry)
    }

    /** Whoever has it will most likely finish it. If not, this node looks at it then. */
    function isHeld(entry: Pending): boolean {
      const untilMs = heldUntilMs(entry.reference.key)
      const leftMs = untilMs === undefined ? 0 : untilMs - clock.now()
      if (leftMs <= 0) return false
      entry.notBeforeMs = clock.steadyMs() + Math.min(leftMs, HELD_LOOK_MS)
      later.push(entry)
      return true
    }

    function take(queue: TinyQueue<Pending>, most: number): Pending[] {
      const taken: Pending[] = []
      while (taken.length < most) {
        const entry = queue.pop()
        if (entry === undefined) break
        if (!isWaiting(entry)) continue
        entry.isReady = false
        if (!isHeld(entry)) taken.push(entry)
      }
      return taken
    }

    function dueBatch(): Pending[] {
      while ((later.peek()?.notBeforeMs ?? Number.POSITIVE_INFINITY) <= clock.steadyMs()) {
        const entry = later.pop()
        if (entry !== undefined && !isStale(entry)) makeReady(entry)
      }
      const most = Math.min(CHECK_BATCH, room())
      const unproven = take(ready.unproven, Math.min(most, UNPROVEN_BATCH))
      const best = take(ready.best, Math.ceil((most - unproven.length) / 2))
      const oldest = take(ready.oldest, most - unproven.length - best.length)
      const rest = take(ready.unproven, most - unproven.length - best.length - oldest.length)
      return [...best, ...oldest, ...unproven, ...rest]
    }

    function schedule(delayMs: number): void {
      const atMs = clock.steadyMs() + delayMs
      // One that rings earlier finds out by itself.
      if (timerMs <= atMs && timerMs > clock.steadyMs()) return
      timer?.cancel()
      timerMs = atMs
      timer = clock.schedule(delayMs, () => {
        timerMs = Number.POSITIVE_INFINITY
        check()
      })
    }

    function check(): void {
      if (checking || pending.size === 0 || aborter.signal.aborted) return
      const batch = room() > 0 ? dueBatch() : []
      if (batch.length === 0) {
        const next = later.peek()
        if (next !== undefined && room() > 0) schedule(Math.max(1, next.notBeforeMs - clock.steadyMs()))
        return
      }
      checking = true
      verify(batch)
        .then(() => 0)
        .catch(err => {
          if (!aborter.signal.aborted)
            logger.debug({ err }, 'announced jobs could not be checked; trying again')
          for (const entry of batch) if (!isStale(entry)) makeReady(entry)
          return UNAVAILABLE_RETRY_MS
        })
        .then(delayMs => {
          checking = false
          if (aborter.signal.aborted) return
          if (delayMs === 0) check()
          else schedule(delayMs)
        })
    }

    async function verify(batch: Pending[]): Promise<void> {
      const verdicts = await chain.verifyJobs(
        batch.map(entry => entry.reference),
        aborter.signal
      )
      for (const [index, entry] of batch.entries()) {
        const verdict = verdicts[index]
        const { key, jobId } = entry.reference
        if (verdict === undefined || isStale(entry)) continue
        if (verdict.kind === 'missing') {
          retryOrDrop(entry, verdict.reason)
          continue
        }
        drop(entry)
        sources.note(entry.announcer, true)
        emit({ type: 'job:verified', job: key, jobId, atMs: clock.now() })
        const isPast = verdict.job.deadlineMs <= clock.now()
        if (verdict.status === JobStatus.Open && !isPast) {
          onOpen(verdict.job, entry.reference)
          continue
        }
        if (isPast && verdict.status === JobStatus.Open) remember(key, PAST_MS)
        else rememberFinal(key)
        init.onDropped?.(key, verdict.status !== JobStatus.Open)
      }
    }

    function retryOrDrop(entry: Pending, reason: string): void {
      const { key, jobId } = entry.reference
      const delayMs = MISSING_RETRY_MS[entry.attempts]
      entry.attempts++
      if (delayMs !== undefined) {
        entry.notBeforeMs = clock.steadyMs() + delayMs
        later.push(entry)
        return
      }
      // Not remembered: after a reorg back, the same job may be announced again with good reason.
      drop(entry)
      init.onDropped?.(key, false)
      emit({ type: 'job:missing', job: key, jobId, atMs: clock.now(), reason })
      logger.debug({ jobId, reason }, 'an announced job is not on chain')
      if (sources.note(entry.announcer, false)) dropAll(entry.announcer)
    }

    function dropAll(announcer: Announcer): void {
      logger.warn({ jobs: announcer.waiting }, 'a peer announces jobs that are not on the chain')
      for (const entry of [...pending.values()].filter(one => one.announcer === announcer)) {
        drop(entry)
        init.onDropped?.(entry.reference.key, false)
      }
    }

    function close(job: JobKey, forMs: number): void {
      const entry = pending.get(job)
      if (entry !== undefined) drop(entry)
      remember(job, forMs)
      check()
    }

    return {
      announce(references, from = '', { isAsked = false } = {}) {
        const announcer = sources.get(from)
        for (const reference of references) {
          const { key } = reference
          if (pending.size >= MAX_PENDING || !sources.mayWait(announcer, isAsked)) break
          if (pending.has(key) || has(key) || (remembered.get(key)?.untilMs ?? 0) > clock.steadyMs()) continue
          if (jobKey(network, reference) !== key) continue
          const entry = {
            reference,
            attempts: 0,
            notBeforeMs: 0,
            announcer,
            priority: priority(key),
            isReady: false
          }
          pending.set(key, entry)
          sources.add(announcer)
          makeReady(entry)
          init.onWaiting?.(reference)
        }
        check()
      },
      close: job => close(job, FINAL_MS),
      closePast: job => close(job, PAST_MS),
      onRoom: check,
      onReleased(job) {
        const entry = pending.get(job)
        if (entry === undefined || entry.isReady || entry.notBeforeMs <= clock.steadyMs()) return
        makeReady(entry)
        check()
      },
      isPending: job => pending.has(job),
      isProven: sources.isProvenName,
      *pending() {
        for (const { reference } of pending.values()) yield reference
      },
      get size() {
        return pending.size
      },
      stop() {
        aborter.abort()
        timer?.cancel()
      }
    }
  }
}

const byPriority = (a: Pending, b: Pending): number => a.priority - b.priority || byJobId(a, b)

function byJobId({ reference: a }: Pending, { reference: b }: Pending): number {
  return a.jobId < b.jobId ? -1 : a.jobId > b.jobId ? 1 : 0
}
