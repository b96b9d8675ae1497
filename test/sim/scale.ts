import { localTiming } from './chain-client.js'
import { checkRun } from './check.js'
import type { Violation } from './observer.js'
import type { Options } from './options.js'
import { hash32, random } from './random.js'
import { createWorld, MODELS } from './world.js'

/** One large run without faults, as `--workers 1000 --jobs 10000 --json` prints it. */
export interface LargeReport {
  ok: boolean
  workers: number
  jobs: number
  finalised: number
  executionsPerJob: number
  /** Published messages about jobs, for each job. Presence is not among them: it is counted for itself. */
  messagesPerJob: number
  jobMessages: number
  leaseMessages: number
  resultMessages: number
  /** Leases in the lease messages. */
  leasesPerJob: number
  presenceMessages: number
  deliveries: number
  events: number
  violations: { rule: Violation['rule']; message: string }[]
  simulatedMs: number
  wallMs: number
  memoryMb: number
}

export interface LargeInit {
  seed: number
  workers: number
  jobs: number
  /** How fast jobs come. */
  jobsPerSecond: number
  /** They come in bursts of so many: one block after a while without any. Default: one by one. */
  burst?: number
  /** How many jobs a worker runs at once. */
  capacity?: { min: number; max: number }
}

const SEQUENCERS = 2
/** gossipsub keeps about so many peers in a node's mesh. */
const DEGREE = 8
const BLOCK_INTERVAL_MS = 1_000
/** What reaches a busy process within this is read in one turn of its event loop. */
const READ_EVERY_MS = 10
/** A worker of a network with n others hears n presences in each interval. So a larger network says it less often. */
const presenceIntervalMs = (workers: number): number => Math.max(1_000, workers * 100)
/** After the last job has come, all are done within this. */
const DRAIN_MS = 120_000
/** Presence, listening and the first sync come before the first job: this many presence intervals. */
const WARM_UP_INTERVALS = 1.75
const LOOK_MS = 1_000

/** From 50 to 500 ms. */
const executionMs = (key: string): number => 50 + (hash32(`large ${key}`) / 2 ** 32) * 450

export async function simulateLarge(init: LargeInit): Promise<LargeReport> {
  const { seed, workers, jobs, jobsPerSecond, burst = 1, capacity = { min: 2, max: 4 } } = init
  const startedMs = performance.now()
  const rng = random(seed, 'large')
  const timing = { ...localTiming, presenceIntervalMs: presenceIntervalMs(workers) }
  const world = createWorld({
    seed,
    workers,
    sequencers: SEQUENCERS,
    byzantine: 0,
    timing,
    faults: [],
    broken: undefined,
    trace: 'off',
    blockIntervalMs: BLOCK_INTERVAL_MS,
    capacity,
    executionMs,
    degree: DEGREE,
    readEveryMs: READ_EVERY_MS
  })
  const { loop, chain, net, nodes, observer } = world
  for (const node of nodes) loop.at(rng.between(0, 500), () => world.start(node))
  chain.start()
  const fromMs = WARM_UP_INTERVALS * timing.presenceIntervalMs
  const forMs = (jobs / jobsPerSecond) * 1_000
  const arrivalMs = (job: number): number =>
    burst === 1 ? rng.between(0, forMs) : (Math.floor(job / burst) * burst * 1_000) / jobsPerSecond
  for (let job = 0; job < jobs; job++) loop.at(fromMs + arrivalMs(job), () => chain.request(MODELS[0] ?? ''))

  const look = (): void => {
    const isDone = chain.jobs().length === jobs && chain.jobs().every(({ final }) => final !== undefined)
    if (isDone) loop.at(loop.nowMs() + 3 * BLOCK_INTERVAL_MS, loop.stop)
    else loop.at(loop.nowMs() + LOOK_MS, look)
  }
  look()
  await loop.run(fromMs + forMs + DRAIN_MS)
  checkRun({ world, faults: [] })

  const sent = (kind: string): number => net.counts.sent.get(kind) ?? 0
  const messages = sent('jobs') + sent('leases') + sent('results')
  const { accept, ignore, reject } = net.counts.verdicts
  const each = (count: number): number => Number((count / jobs).toFixed(3))
  return {
    ok: observer.violations.length === 0,
    workers,
    jobs,
    finalised: chain.finals(chain.headNumber()).length,
    executionsPerJob: each(observer.executions.length),
    messagesPerJob: each(messages),
    jobMessages: sent('jobs'),
    leaseMessages: sent('leases'),
    resultMessages: sent('results'),
    leasesPerJob: each(observer.leaseItems()),
    presenceMessages: sent('presence'),
    deliveries: accept + ignore + reject,
    events: loop.count(),
    violations: observer.violations.slice(0, 20).map(({ rule, message }) => ({ rule, message })),
    simulatedMs: Math.round(loop.nowMs()),
    wallMs: Math.round(performance.now() - startedMs),
    memoryMb: Math.round(process.memoryUsage().rss / 2 ** 20)
  }
}

/** So many bursts, 4 s apart: a worker of a network of 1,000 then claims two jobs of 10,000 in one message. */
const BURSTS = 2

/** Jobs that come in bursts, as from a few clients that ask for much at once. */
export const runLarge = ({ seeds: [seed = 1], workers, jobs }: Options): Promise<LargeReport> =>
  simulateLarge({
    seed,
    workers,
    jobs,
    jobsPerSecond: jobs / (4 * BURSTS),
    burst: Math.ceil(jobs / BURSTS),
    capacity: { min: 8, max: 16 }
  })

const SCALES = [10, 100, 1_000]
const SCALE_JOBS = 100
const SCALE_JOBS_PER_SECOND = 5
/** The most that messages for a job may differ between networks of these sizes. */
const MAX_RATIO = 1.5

/** The same jobs at the same pace in networks of three sizes (I7). */
export async function runScale(tell: (text: string) => void): Promise<{
  ok: boolean
  scales: LargeReport[]
  messagesPerJob: Record<number, number>
  ratio: number
}> {
  const scales: LargeReport[] = []
  for (const workers of SCALES) {
    const report = await simulateLarge({
      seed: 1,
      workers,
      jobs: SCALE_JOBS,
      jobsPerSecond: SCALE_JOBS_PER_SECOND
    })
    tell(
      `${workers} workers: ${report.messagesPerJob} messages a job, ${Math.round(report.wallMs / 1_000)} s`
    )
    scales.push(report)
  }
  const perJob = scales.map(({ messagesPerJob }) => messagesPerJob)
  const ratio = Number((Math.max(...perJob) / Math.min(...perJob)).toFixed(3))
  return {
    ok: ratio <= MAX_RATIO && scales.every(({ ok }) => ok),
    messagesPerJob: Object.fromEntries(
      scales.map(({ workers, messagesPerJob }) => [workers, messagesPerJob])
    ),
    ratio,
    scales
  }
}
