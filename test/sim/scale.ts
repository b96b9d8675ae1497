import type { Violation } from './observer.js'
import type { Options } from './options.js'
import type { LargeInit } from './part.js'
import { runParts } from './parts.js'

/** One large run without faults, as `--workers 1000 --jobs 10000 --json` prints it. */
export interface LargeReport {
  ok: boolean
  workers: number
  jobs: number
  threads: number
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

/** @param threads on which it is run: each number gives another run of the same network */
export async function simulateLarge(
  init: LargeInit,
  threads = 1,
  tell?: (text: string) => void
): Promise<LargeReport> {
  const { workers, jobs } = init
  const startedMs = performance.now()
  const { total, finalised, simulatedMs } = await runParts(init, threads, tell)
  const counts = new Map(total.sent)
  const sent = (kind: string): number => counts.get(kind) ?? 0
  const messages = sent('jobs') + sent('leases') + sent('results')
  const each = (count: number): number => Number((count / jobs).toFixed(3))
  return {
    ok: total.violations.length === 0,
    workers,
    jobs,
    threads,
    finalised,
    executionsPerJob: each(total.executions.length),
    messagesPerJob: each(messages),
    jobMessages: sent('jobs'),
    leaseMessages: sent('leases'),
    resultMessages: sent('results'),
    leasesPerJob: each(total.leaseItems),
    presenceMessages: sent('presence'),
    deliveries: total.deliveries,
    events: total.events,
    violations: total.violations.slice(0, 20).map(({ rule, message }) => ({ rule, message })),
    simulatedMs,
    wallMs: Math.round(performance.now() - startedMs),
    memoryMb: Math.round(process.memoryUsage().rss / 2 ** 20)
  }
}

/** So many bursts, 4 s apart: a worker of a network of 1,000 then claims two jobs of 10,000 in one message. */
const BURSTS = 1

/** Jobs that come in bursts, as from a few clients that ask for much at once. */
export const runLarge = (
  { seeds: [seed = 1], workers, jobs, threads }: Options,
  tell: (text: string) => void
): Promise<LargeReport> =>
  simulateLarge(
    {
      seed,
      workers,
      jobs,
      jobsPerSecond: jobs / (4 * BURSTS),
      burst: Math.ceil(jobs / BURSTS),
      capacity: { min: 8, max: 16 }
    },
    threads,
    tell
  )

const SCALES = [10, 100, 1_000]
const SCALE_JOBS = 100
const SCALE_JOBS_PER_SECOND = 5
/** The most that messages for a job may differ between networks of these sizes. */
const MAX_RATIO = 1.5

/** The same jobs at the same pace in networks of three sizes (I7). */
export async function runScale(
  threads: number,
  tell: (text: string) => void
): Promise<{
  ok: boolean
  scales: LargeReport[]
  messagesPerJob: Record<number, number>
  ratio: number
}> {
  const scales: LargeReport[] = []
  for (const workers of SCALES) {
    const report = await simulateLarge(
      { seed: 1, workers, jobs: SCALE_JOBS, jobsPerSecond: SCALE_JOBS_PER_SECOND },
      threads
    )
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
