import Table from 'cli-table3'
import type { BuffaloReport } from './buffalo/cluster.js'
import type { CeleryVersions } from './celery/celery.js'
import type { Machine } from './machine.js'
import type { Figures } from './measure.js'

/** What Buffalo is to reach at least. */
export const marks = { roundTripP50Ms: 5, jobsPerSecond: 1_500 }

export interface BenchReport {
  ok: boolean
  marks: typeof marks
  buffalo: (Figures & BuffaloReport) | null
  celery: (Figures & CeleryVersions) | null
  /** Buffalo against Celery: times the throughput, times the round trip (below 1: faster). */
  ratio: { jobsPerSecond: number | null; roundTripP50: number | null } | null
  machine: Machine
}

/** The report for people. */
export function text({ ok, marks, buffalo, celery, ratio, machine }: BenchReport): string {
  const table = new Table({ head: ['', 'Buffalo', 'Celery', 'mark'], style: { head: [], border: [] } })
  const row = (name: string, value: (figures: Figures) => string | undefined, mark = ''): void => {
    const cell = (figures: Figures | null): string => (figures === null ? undefined : value(figures)) ?? '–'
    table.push([name, cell(buffalo), cell(celery), mark])
  }
  row('round trip p50, ms', ({ roundTripMs }) => roundTripMs?.p50.toFixed(3), `≤ ${marks.roundTripP50Ms}`)
  row('round trip p95, ms', ({ roundTripMs }) => roundTripMs?.p95.toFixed(3))
  row('round trip p99, ms', ({ roundTripMs }) => roundTripMs?.p99.toFixed(3))
  row('jobs per second', ({ jobsPerSecond }) => jobsPerSecond?.toString(), `≥ ${marks.jobsPerSecond}`)
  if (buffalo !== null) table.push(['executions per job', `${buffalo.executionsPerJob}`, '', '1'])
  const lines = [table.toString()]
  if (buffalo !== null) {
    const { messagesPerJob, bytesPerJob, cpuMsPerJob } = buffalo
    lines.push(
      `Of Buffalo, for each job: ${messagesPerJob.jobs} messages on jobs, ${messagesPerJob.leases} on leases, ` +
        `${messagesPerJob.results} on results, ${bytesPerJob} bytes, ` +
        `${cpuMsPerJob.sequencer} + ${cpuMsPerJob.workers} ms of CPU (sequencer + workers)`
    )
  }
  if (ratio !== null) {
    lines.push(
      `Against Celery: ${ratio.jobsPerSecond ?? '–'} × the jobs per second, ${ratio.roundTripP50 ?? '–'} × the round trip`
    )
  }
  const { cpu, cores, node, loadBefore, syncedWriteMs } = machine
  lines.push(
    `${cpu}, ${cores} cores, load ${loadBefore} before, a synced write takes ${syncedWriteMs} ms, Node ${node}`
  )
  lines.push(ok ? 'All marks reached.' : 'A mark was missed.')
  return lines.join('\n')
}
