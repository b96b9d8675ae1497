import type { FaultKind } from './faults.js'
import type { Violation } from './observer.js'
import type { RunReport } from './run.js'

/** What one run leaves: small enough to go from thread to thread. */
export interface SeedSummary {
  seed: number
  violations: Violation[]
  faultCounts: Partial<Record<FaultKind, number>>
  isCalm: boolean
  jobs: number
  executions: number
  messages: number
  simulatedMs: number
  events: number
  errors: number
  traceHash: string
}

export const summaryOf = (report: RunReport): SeedSummary => ({
  seed: report.seed,
  violations: report.violations,
  faultCounts: report.faultCounts,
  isCalm: report.faults.length === 0,
  jobs: report.jobs,
  executions: report.executions,
  messages: report.messages,
  simulatedMs: report.simulatedMs,
  events: report.events,
  errors: report.errors,
  traceHash: report.traceHash
})

/** All runs together, as `--json` prints it. */
export function total(seeds: SeedSummary[], workers: number, wallMs: number) {
  const sum = (of: (seed: SeedSummary) => number, among = seeds): number =>
    among.reduce((all, seed) => all + of(seed), 0)
  const faults: Partial<Record<FaultKind, number>> = {}
  for (const { faultCounts } of seeds) {
    for (const [kind, count] of Object.entries(faultCounts) as [FaultKind, number][])
      faults[kind] = (faults[kind] ?? 0) + count
  }
  const calm = seeds.filter(({ isCalm }) => isCalm)
  const jobs = sum(seed => seed.jobs)
  const ratio = (a: number, b: number): number => (b === 0 ? 0 : Number((a / b).toFixed(3)))
  return {
    ok: seeds.every(({ violations }) => violations.length === 0),
    seeds: seeds.length,
    workers,
    jobs,
    /** What each kind of fault did: messages lost, nodes crashed, lies told, requests failed. */
    faults: Object.fromEntries(Object.entries(faults).sort(([a], [b]) => (a < b ? -1 : 1))),
    violations: seeds.flatMap(({ seed, violations }) =>
      violations.map(({ rule, jobId, atMs, message }) => ({
        seed,
        rule,
        jobId: jobId?.toString(),
        atMs: Math.round(atMs),
        message
      }))
    ),
    executionsPerJob: ratio(
      sum(seed => seed.executions),
      jobs
    ),
    messagesPerJob: ratio(
      sum(seed => seed.messages),
      jobs
    ),
    calm: {
      seeds: calm.length,
      executionsPerJob: ratio(
        sum(seed => seed.executions, calm),
        sum(seed => seed.jobs, calm)
      ),
      messagesPerJob: ratio(
        sum(seed => seed.messages, calm),
        sum(seed => seed.jobs, calm)
      )
    },
    simulatedHours: Number((sum(seed => seed.simulatedMs) / 3_600_000).toFixed(2)),
    events: sum(seed => seed.events),
    wallMs: Math.round(wallMs)
  }
}
