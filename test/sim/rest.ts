import type { ChainJob } from './chain.js'
import { type Fault, type FaultKind, isByzantine, planFaults } from './faults.js'
import { random } from './random.js'
import type { World } from './world.js'

/**
 * Networks at rest: one to three workers and as many jobs, after the faults a long silence, and then another job. Where much goes
 * on, any event makes a worker look again at all that it might have forgotten; here nothing does, so that who waits for what
 * never comes, or waits without a timer, is found.
 */
export interface RestPlan {
  workers: number
  sequencers: number
  /** When jobs are requested, in ms since the beginning. */
  jobsAtMs: number[]
  /** All workers can run all jobs: one that is out of order for good may be the only one that has a model. */
  isOneModel: boolean
  faults: Fault[]
}

export interface RestInit {
  seed: number
  /** At most. */
  workers: number
  kinds: readonly FaultKind[]
}

/** Of so many seeds, one is a network at rest. */
const REST_EVERY = 10
/** Of these, one in so many has no faults. */
const CALM_EVERY = 5
const MAX_WORKERS = 3
const MAX_JOBS = 3
const JOBS_FROM_MS = 3_000
const JOBS_TO_MS = 45_000
const BEGUN_MS = 12_000
const FAULTS_FROM_MS = 2_500
const FAULTS_TO_MS = 45_000
/** From the end of the faults to the last job. */
const SILENCE_MS = { min: 60_000, max: 240_000 }
/** A clock that was set by hand, or keeps local time and was taken for another. */
const CLOCK_MS = 3_600_000
/** What may befall one of several workers for good: the others are there. */
const LASTING: readonly FaultKind[] = ['rpc-error', 'disk-full', 'pause', 'crash']
const FOR_GOOD_MS = 1e9

/**
 * From the end of the last fault, or from its block, to the block that makes a job final, without the time of its model. Nobody may have
 * heard of it (45 s until it is announced or synced again), a lease may stand (10 s), and a worker whose own means failed, leave it to
 * others (20 s); then two blocks. What is seen is 25 s.
 */
const FAULTY_MS = 80_000
/** The same where a worker is out of order for good, that has the job: it gives it up after six leases. */
const LASTING_MS = FAULTY_MS + 60_000
/** The same for a job that comes after the silence: 5 s where nobody has its model, then two blocks of up to 2.4 s. */
const QUIET_MS = 10_000
const SAMPLE_MS = 500

export const isRest = (seed: number): boolean => seed % REST_EVERY === 0

export function planRest({ seed, workers: most, kinds }: RestInit): RestPlan {
  const rng = random(seed, 'rest')
  const workers = rng.int(1, Math.min(MAX_WORKERS, most))
  const sequencers = rng.int(1, 2)
  const jobs = rng.int(1, MAX_JOBS)
  const possible = kinds.filter(kind => !isByzantine(kind))
  const isCalm = possible.length === 0 || Math.floor(seed / REST_EVERY) % CALM_EVERY === 0
  const faults = isCalm
    ? []
    : planFaults({
        rng: rng.fork('faults'),
        kinds: possible,
        workers,
        sequencers,
        byzantine: 0,
        fromMs: FAULTS_FROM_MS,
        toMs: FAULTS_TO_MS,
        clockMs: CLOCK_MS
      })
  const lasting = rng.pick(LASTING)
  if (faults.length > 0 && workers > 1 && rng.chance(0.3) && possible.some(kind => kind === lasting)) {
    const fromMs = rng.between(FAULTS_FROM_MS, FAULTS_TO_MS)
    const node = rng.int(0, workers - 1)
    const isAtWorst = rng.chance(0.5) && (lasting === 'crash' || lasting === 'rpc-error')
    const amount = isAtWorst ? 1 : 0
    faults.push({ kind: lasting, fromMs, toMs: FOR_GOOD_MS, nodes: [node], amount, flag: false })
  }
  // Half of them while nodes have only begun.
  const jobAtMs = (): number => rng.between(JOBS_FROM_MS, rng.chance(0.5) ? BEGUN_MS : JOBS_TO_MS)
  const jobsAtMs = Array.from({ length: jobs - 1 }, jobAtMs)
  const lastMs = healedMs(faults) + rng.between(SILENCE_MS.min, SILENCE_MS.max)
  return { workers, sequencers, jobsAtMs: [...jobsAtMs, lastMs], isOneModel: faults.some(isLasting), faults }
}

const isLasting = ({ toMs }: Fault): boolean => toMs >= FOR_GOOD_MS

/** When the last fault has ended, of those that end. */
export function healedMs(faults: Fault[]): number {
  // A crash may wait for its moment until its end, and lasts as long then.
  const ends = faults
    .filter(fault => !isLasting(fault))
    .map(({ kind, fromMs, toMs }) => (kind === 'crash' ? 2 * toMs - fromMs : toMs))
  return Math.max(FAULTS_FROM_MS, ...ends)
}

/** I4, with a bound: reports each job that is not final in time. */
export function watchRest(
  { loop, chain, observer }: World,
  faults: Fault[],
  executionMs: (job: ChainJob) => number
): void {
  const wellMs = healedMs(faults)
  const isWell = !faults.some(isLasting)
  /** Request -> since when it has been on the chain. */
  const since = new Map<string, number>()
  const reported = new Set<string>()

  function look(): void {
    for (const job of chain.jobs()) {
      const { jobId, requestHash, final } = job
      const sinceMs = since.get(requestHash) ?? loop.nowMs()
      since.set(requestHash, sinceMs)
      if (final !== undefined || reported.has(requestHash)) continue
      const isAfterSilence = sinceMs >= wellMs + SILENCE_MS.min
      const boundMs = !isWell ? LASTING_MS : isAfterSilence ? QUIET_MS : FAULTY_MS
      const dueMs = Math.max(sinceMs, wellMs) + boundMs + executionMs(job)
      if (loop.nowMs() <= dueMs) continue
      reported.add(requestHash)
      const waitedMs = Math.round(loop.nowMs() - Math.max(sinceMs, wellMs))
      observer.violate({
        rule: 'I4',
        jobId,
        message: `not final ${waitedMs} ms after ${sinceMs > wellMs ? 'it was mined, all being well' : 'the last fault ended'}`
      })
    }
    loop.at(loop.nowMs() + SAMPLE_MS, look)
  }
  look()
}
