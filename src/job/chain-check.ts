import TinyQueue from 'tinyqueue'
import type { JobKey } from '../interface/bytes.js'
import type { ChainReader } from '../interface/chain.js'
import type { Clock, Timer } from '../interface/clock.js'
import { type JobReference, JobStatus } from '../interface/job.js'
import type { Logger } from '../interface/logger.js'

/**
 * Jobs that the chain has not shown yet. Beyond them no more are read: a liar costs 6 MB. As many as a subgraph that is a second
 * ahead of the endpoint may tell of in a fast network.
 */
const MAX_UNSHOWN = 10_000
/**
 * Of these, such as are told to others meanwhile, so that a new job does not wait for the endpoint. Fewer than make a liar of who
 * announces them (announcers.ts).
 */
const MAX_EARLY = 200
/** Jobs of one look: one eth_call (src/chain/chain-reader.ts). */
const LOOK_ITEMS = 500
/** Between two looks, so that jobs go together: 10,000 jobs a second, as many as a node announces. */
const LOOK_MS = 50
/**
 * Of each look, the jobs whose place on the chain is looked at, too, which costs a receipt each. In a quiet network these are all; where
 * nine of ten places were wrong, one look in ten thousand would not notice.
 */
const SAMPLE = 4
/** After a wrong place, all are looked at for this long. */
const STRICT_MS = 600_000
/** A job that the chain does not show is looked for again after these waits, the last one for ever: the endpoint may lag. */
const RETRY_MS = [250, 500, 1_000, 2_000, 4_000, 15_000]
/** After so many looks it is not told to others any more, until it is shown. */
const DOUBT_AFTER = 5
/** After an error of the endpoint; the chain client backs off by itself. */
const UNAVAILABLE_RETRY_MS = 1_000
/** That there are jobs that the chain does not show is told of again after this. */
const REPEAT_MS = 60_000

export interface ChainCheckInit {
  /** These may be told to others. */
  onShown(references: JobReference[]): void
  /** This one was told, and the chain does not show it. */
  onDoubted(job: JobKey): void
}

export interface ChainCheckComponents {
  chain: Pick<ChainReader, 'jobStatuses' | 'verifyJobs'>
  clock: Clock
  /** From 0 to below 1. */
  random(): number
  logger: Logger
}

/**
 * Looks whether the chain holds the jobs that a subgraph tells of, as open ones and at their place. Nothing is thrown away: what
 * the chain does not show yet waits, and while too much waits, no more is to be read.
 */
export interface ChainCheck {
  add(references: JobReference[]): void
  /** The job is final, past, or gone: nothing is to be known of it any more. */
  remove(job: JobKey): void
  /** How many more may be added. */
  room(): number
  stop(): void
}

interface Unshown {
  reference: JobReference
  attempts: number
  notBeforeMs: number
  isTold: boolean
}

export function chainCheck({
  onShown,
  onDoubted
}: ChainCheckInit): (components: ChainCheckComponents) => ChainCheck {
  return ({ chain, clock, random, logger }) => {
    const unshown = new Map<JobKey, Unshown>()
    /** Entries of jobs that were removed are passed over. */
    let queue = new TinyQueue<Unshown>([], byTime)
    const aborter = new AbortController()
    let early = 0
    let isDown = false
    let strictUntilMs = Number.NEGATIVE_INFINITY
    let warnedMs = Number.NEGATIVE_INFINITY
    let looking = false
    let restUntilMs = 0
    let timer: Timer | undefined
    let timerMs = Number.POSITIVE_INFINITY

    const isStale = (entry: Unshown): boolean => unshown.get(entry.reference.key) !== entry

    function push(entry: Unshown, delayMs: number): void {
      entry.notBeforeMs = clock.steadyMs() + delayMs
      queue.push(entry)
    }

    function tell(entries: Unshown[]): void {
      const untold = entries.filter(({ isTold }) => !isTold)
      for (const entry of untold) entry.isTold = true
      early += untold.length
      if (untold.length > 0) onShown(untold.map(({ reference }) => reference))
    }

    function drop(entry: Unshown): void {
      unshown.delete(entry.reference.key)
      if (entry.isTold) early--
    }

    function peek(): Unshown | undefined {
      let head = queue.peek()
      while (head !== undefined && isStale(head)) {
        queue.pop()
        head = queue.peek()
      }
      return head
    }

    function due(): Unshown[] {
      const batch: Unshown[] = []
      for (let head = peek(); head !== undefined && head.notBeforeMs <= clock.steadyMs(); head = peek()) {
        if (batch.length === LOOK_ITEMS) break
        queue.pop()
        batch.push(head)
      }
      return batch
    }

    function schedule(): void {
      const head = peek()
      if (head === undefined || looking || aborter.signal.aborted) return
      const atMs = Math.max(head.notBeforeMs, restUntilMs, clock.steadyMs())
      if (timerMs <= atMs && timerMs > clock.steadyMs()) return
      timer?.cancel()
      timerMs = atMs
      timer = clock.schedule(atMs - clock.steadyMs(), () => {
        timerMs = Number.POSITIVE_INFINITY
        look()
      })
    }

    function look(): void {
      const batch = due()
      if (batch.length === 0 || looking || aborter.signal.aborted) return schedule()
      looking = true
      areShown(batch.map(({ reference }) => reference))
        .then(shown => {
          isDown = false
          settle(batch, shown)
          return LOOK_MS
        })
        .catch(err => {
          if (!aborter.signal.aborted)
            logger.debug({ err }, 'the jobs of the subgraph could not be checked; trying again')
          onUnavailable(batch)
          return UNAVAILABLE_RETRY_MS
        })
        .then(restMs => {
          looking = false
          restUntilMs = clock.steadyMs() + restMs
          schedule()
        })
    }

    /** What could not be checked is no lie: workers, which check for themselves, are told of it all the same. */
    function onUnavailable(batch: Unshown[]): void {
      isDown = true
      for (const entry of batch) if (!isStale(entry)) push(entry, UNAVAILABLE_RETRY_MS)
      if (!aborter.signal.aborted) tell([...unshown.values()].filter(({ attempts }) => attempts === 0))
    }

    async function areShown(references: JobReference[]): Promise<boolean[]> {
      if (clock.steadyMs() < strictUntilMs) {
        const verdicts = await chain.verifyJobs(references, aborter.signal)
        return verdicts.map(verdict => verdict.kind === 'found' && verdict.status === JobStatus.Open)
      }
      const statuses = await chain.jobStatuses(
        references.map(({ jobId }) => jobId),
        aborter.signal
      )
      const isOpen = references.map((_, index) => statuses[index] === JobStatus.Open)
      const open = references.filter((_, index) => isOpen[index])
      const from = Math.floor(random() * open.length)
      // Any of them, with those after it: a liar cannot know which.
      const sample = [...open.slice(from), ...open.slice(0, from)].slice(0, SAMPLE)
      const verdicts = sample.length === 0 ? [] : await chain.verifyJobs(sample, aborter.signal)
      if (verdicts.every(({ kind }) => kind === 'found')) return isOpen
      strictUntilMs = clock.steadyMs() + STRICT_MS
      return areShown(references)
    }

    function settle(batch: Unshown[], shown: boolean[]): void {
      const fresh: JobReference[] = []
      let doubted = 0
      for (const [index, entry] of batch.entries()) {
        if (isStale(entry)) continue
        if (shown[index] === true) {
          drop(entry)
          if (!entry.isTold) fresh.push(entry.reference)
          continue
        }
        push(entry, RETRY_MS[Math.min(entry.attempts, RETRY_MS.length - 1)] ?? 0)
        entry.attempts++
        if (entry.attempts < DOUBT_AFTER) continue
        doubted++
        if (!entry.isTold) continue
        entry.isTold = false
        early--
        onDoubted(entry.reference.key)
      }
      if (fresh.length > 0) onShown(fresh)
      if (doubted > 0) warn()
    }

    function warn(): void {
      if (clock.steadyMs() - warnedMs < REPEAT_MS) return
      warnedMs = clock.steadyMs()
      logger.warn(
        { jobs: unshown.size },
        'the subgraph tells of open jobs that the RPC endpoint does not show: they are not announced, check both'
      )
    }

    return {
      add(references) {
        const added: Unshown[] = []
        for (const reference of references) {
          if (unshown.has(reference.key)) continue
          const entry = { reference, attempts: 0, notBeforeMs: 0, isTold: false }
          unshown.set(reference.key, entry)
          push(entry, 0)
          added.push(entry)
        }
        tell(isDown ? added : added.slice(0, Math.max(0, MAX_EARLY - early)))
        if (queue.length > 2 * unshown.size + LOOK_ITEMS)
          queue = new TinyQueue(
            queue.data.filter(entry => !isStale(entry)),
            byTime
          )
        schedule()
      },
      remove(job) {
        const entry = unshown.get(job)
        if (entry !== undefined) drop(entry)
      },
      room: () => MAX_UNSHOWN - unshown.size,
      stop() {
        aborter.abort()
        timer?.cancel()
      }
    }
  }
}

const byTime = (a: Unshown, b: Unshown): number => a.notBeforeMs - b.notBeforeMs
