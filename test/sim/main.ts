import { describeFault, faultKinds } from './faults.js'
import type { Violation } from './observer.js'
import { type Options, readOptions, UsageError } from './options.js'
import { runSeeds } from './pool.js'
import { type RunInit, type RunReport, simulate } from './run.js'
import { runLarge, runScale } from './scale.js'
import { shrink } from './shrink.js'
import { type SeedSummary, summaryOf, total } from './summary.js'
import { describeEntry } from './trace.js'

/** Of a failing run at most so many lines are printed. */
const MAX_LINES = 150
/** Failing seeds that are shrunk. */
const MAX_SHRUNK = 1

const say = (text: string): void => {
  process.stdout.write(`${text}\n`)
}
/** Beside JSON, what is for people goes to the other stream. */
const tell = (text: string): void => {
  process.stderr.write(`${text}\n`)
}

/** Processor time of all threads so far: what a run costs on a machine that does other things, too. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return Math.round((user + system) / 1_000)
}

function commandOf({ workers, jobs, kinds, broken, rest }: Options, seed: number): string {
  const isAll = kinds.length === faultKinds.length
  const faults = isAll ? '' : ` --faults ${kinds.length === 0 ? 'none' : kinds.join(',')}`
  const rule = broken === undefined ? '' : ` --break ${broken}`
  const mode = rest ? ' --rest' : ''
  return `npm run sim -- --seed ${seed} --workers ${workers} --jobs ${jobs}${mode}${faults}${rule}`
}

function printRun(report: RunReport, title: string): void {
  const { faults, violations, name, trace } = report
  tell(`\n${title}`)
  for (const fault of faults) tell(`  fault  ${describeFault(fault, name)}`)
  for (const { rule, jobId, message } of violations.slice(0, 10))
    tell(`  broken ${rule}${jobId === undefined ? '' : ` job ${jobId}`}: ${message}`)
  const [first] = violations
  if (first === undefined) return
  const key = first.message.match(/job ([0-9a-f]{8})/)?.[1]
  const keys = new Set(key === undefined ? keysOf(trace, first.jobId) : [key])
  const isWorld = (what: string): boolean => /^(node:|chain:|VIOLATION)/.test(what)
  const concerned = trace.filter(
    ({ what, detail, node }) =>
      isWorld(what) || (keys.has(detail.slice(0, 8)) && !isRoutine(what, node, first, report))
  )
  tell(`  what happened to ${first.jobId === undefined ? `job ${key ?? '?'}` : `job ${first.jobId}`}:`)
  for (const entry of concerned.slice(0, MAX_LINES)) tell(`    ${describeEntry(entry, name)}`)
  if (concerned.length > MAX_LINES) tell(`    … and ${concerned.length - MAX_LINES} more`)
}

/** The keys that a job id has had: another after each reorg. */
function keysOf(trace: RunReport['trace'], jobId: bigint | undefined): string[] {
  if (jobId === undefined) return []
  return trace.flatMap(({ jobId: id, detail, what }) =>
    id === jobId && /^(job|lease|execution):/.test(what) ? (detail.match(/^[0-9a-f]{8}/) ?? []) : []
  )
}

/** What says nothing of why: announcements that repeat, and what nodes heard that have nothing to do with the job. */
function isRoutine(what: string, node: number, { jobId }: Violation, { trace }: RunReport): boolean {
  if (what === 'job:announced' || what === 'job:verified' || what === 'job:indexed') return true
  if (what !== 'lease:seen') return false
  return !trace.some(entry => entry.node === node && entry.jobId === jobId && entry.what === 'lease:claimed')
}

async function explain(options: Options, summaries: SeedSummary[]): Promise<void> {
  const failing = summaries.filter(({ violations }) => violations.length > 0)
  for (const { seed, violations } of failing.slice(0, 20))
    tell(
      `seed ${seed}: ${violations.length} broken (${[...new Set(violations.map(({ rule }) => rule))].join(', ')}). Replay: ${commandOf(options, seed)}`
    )
  for (const { seed } of failing.slice(0, MAX_SHRUNK)) {
    const init: RunInit = { seed, ...options }
    const report = await simulate(init)
    const { report: shrunk, runs } = await shrink(init, report)
    printRun(
      shrunk,
      `seed ${seed}, shrunk from ${report.faults.length} to ${shrunk.faults.length} faults in ${runs} runs`
    )
  }
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2))
  if ('help' in options) {
    say(options.help)
    return 0
  }
  if (options.mode !== 'seeds') {
    const report = {
      ...(options.mode === 'scale' ? await runScale(options.threads, tell) : await runLarge(options, tell)),
      cpuMs: cpuMs()
    }
    say(JSON.stringify(report, undefined, options.json ? undefined : 2))
    return report.ok ? 0 : 1
  }
  // Most errors of a run are thrown on purpose, and nobody reads where.
  Error.stackTraceLimit = options.verbose ? 10 : 0
  const startedMs = performance.now()
  const { seeds, threads, verbose, workers, json } = options
  let summaries: SeedSummary[]
  if (verbose && seeds[0] !== undefined) {
    const report = await simulate({ seed: seeds[0], ...options, keepTrace: true })
    printRun(
      report,
      `seed ${seeds[0]}: ${report.faults.length} faults, trace ${report.traceHash.slice(0, 16)}`
    )
    summaries = [summaryOf(report)]
  } else {
    let ended = 0
    summaries = await runSeeds(
      { workers, jobs: options.jobs, kinds: options.kinds, broken: options.broken, rest: options.rest },
      seeds,
      threads,
      ({ seed, violations: [first] }) => {
        if (first !== undefined) tell(`seed ${seed} broke ${first.rule}: ${first.message}`)
        if (++ended % 50 === 0)
          tell(`${ended} of ${seeds.length} seeds, ${Math.round((performance.now() - startedMs) / 1_000)} s`)
      }
    )
  }
  const report = { ...total(summaries, workers, performance.now() - startedMs), cpuMs: cpuMs() }
  await explain(options, summaries)
  if (json) say(JSON.stringify(report))
  else say(JSON.stringify(report, undefined, 2))
  return report.ok ? 0 : 1
}

try {
  process.exitCode = await main()
} catch (err) {
  if (!(err instanceof UsageError)) throw err
  tell(`${err.message}\nSee npm run sim -- --help`)
  process.exitCode = 2
}
