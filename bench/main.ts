import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { type BuffaloReport, startCluster } from './buffalo/cluster.js'
import { celeryVersions, startCelery } from './celery/celery.js'
import type { Contender } from './contender.js'
import { machine } from './machine.js'
import { type Figures, type MeasureInit, measure, parts } from './measure.js'
import { type BenchReport, marks, text } from './report.js'
import { round } from './statistics.js'

interface Options extends MeasureInit {
  only?: 'buffalo' | 'celery'
  warmUp: number
  cpuProf?: string
  json: boolean
}

const progress = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

async function bench(options: Options): Promise<BenchReport> {
  const dir = await mkdtemp(join(tmpdir(), 'buffalo-bench-'))
  const stops: (() => Promise<void>)[] = [() => rm(dir, { recursive: true, force: true })]
  const stopAll = async (): Promise<void> => {
    for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) await stop()
  }
  const aborter = new AbortController()
  let starting: Promise<unknown> = Promise.resolve()
  process.once('SIGINT', () => {
    aborter.abort(new Error('Interrupted'))
    // What is just being started undoes itself.
    Promise.allSettled([starting])
      .then(stopAll)
      .finally(() => process.exit(130))
  })
  try {
    const about = await machine(dir)
    const versions = options.only === 'buffalo' ? undefined : await celeryVersions()
    if (versions === undefined && options.only !== 'buffalo') {
      const advice =
        'Celery, RabbitMQ or Redis is not installed: run bench/setup.sh as root to compare with them'
      if (options.only === 'celery') throw new Error(advice)
      progress(advice)
    }
    const contenders: Contender<unknown>[] = []
    let buffalo: Contender<BuffaloReport> | undefined
    if (options.only !== 'celery') {
      progress('Starting 1 sequencer and 3 workers …')
      const nodeArguments =
        options.cpuProf === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.cpuProf}`]
      buffalo = await startCluster({ dir: join(dir, 'buffalo'), nodeArguments, warmUpJobs: options.warmUp })
      stops.push(buffalo.stop)
      contenders.push(buffalo)
    }
    if (versions !== undefined) {
      progress('Starting RabbitMQ, Redis and Celery …')
      const start = startCelery(join(dir, 'celery'), aborter.signal)
      starting = start
      const celery = await start
      stops.push(celery.stop)
      contenders.push(celery)
    }
    const figures = await measure(contenders, options, step => progress(`Measuring, ${step} …`))
    const [ours, theirs] = buffalo === undefined ? [undefined, figures[0]] : figures
    const counted = await buffalo?.report()
    return {
      ok: options.only === 'celery' || passes(ours, counted),
      marks,
      buffalo: ours === undefined || counted === undefined ? null : { ...ours, ...counted },
      celery: theirs === undefined || versions === undefined ? null : { ...theirs, ...versions },
      ratio:
        ours === undefined || theirs === undefined
          ? null
          : {
              jobsPerSecond: quotient(ours.jobsPerSecond, theirs.jobsPerSecond),
              roundTripP50: quotient(ours.roundTripMs?.p50, theirs.roundTripMs?.p50)
            },
      machine: about
    }
  } finally {
    await stopAll()
  }
}

const quotient = (ours: number | null | undefined, theirs: number | null | undefined): number | null =>
  ours == null || theirs == null ? null : round(ours / theirs, 2)

/** What was not measured passes. */
function passes(figures: Figures | undefined, counted: BuffaloReport | undefined): boolean {
  return (
    figures !== undefined &&
    (figures.roundTripMs?.p50 ?? 0) <= marks.roundTripP50Ms &&
    (figures.jobsPerSecond ?? Number.POSITIVE_INFINITY) >= marks.jobsPerSecond &&
    counted?.executionsPerJob === 1
  )
}

const positive = (value: string): number => {
  const number = Number(value)
  if (!(number > 0)) throw new InvalidArgumentError('not a number above 0')
  return number
}

const program = new Command('bench')
  .description(
    'measure jobs that do nothing: through 1 sequencer and 3 workers, and through Celery beside them'
  )
  .option('--json', 'print one JSON object as the last line', false)
  .option('--seconds <n>', 'the longest time of one stream of jobs', positive, 6)
  .option('--jobs <n>', 'the most jobs of one stream', positive, 1_000_000)
  .option('--in-flight <n>', 'jobs of a stream that are on their way at a time', positive, 2_000)
  .option('--round-trips <n>', 'jobs that are sent one at a time', positive, 1_200)
  .addOption(new Option('--part <part>', 'measure round trips or streams alone').choices(parts))
  .option('--warm-up <n>', 'jobs through Buffalo before the first measure', positive, 5_000)
  .option('--runs <n>', 'repetitions; the median counts', positive, 3)
  .addOption(new Option('--only <side>', 'measure one side').choices(['buffalo', 'celery']))
  .option('--cpu-prof <dir>', "write CPU profiles of Buffalo's processes there")
  .addHelpText(
    'after',
    `
What is measured, what is left out, and what the figures mean: docs/benchmarks.md.

Examples:
  $ npm run bench -- --json
  $ npm run bench -- --only buffalo --seconds 3 --runs 1
`
  )
  .action(async (options: Options) => {
    const report = await bench(options)
    process.stdout.write(`${options.json ? JSON.stringify(report) : text(report)}\n`)
    process.exitCode = report.ok ? 0 : 1
  })

try {
  await program.parseAsync()
} catch (err) {
  const message = err instanceof Error ? err.message : String(err)
  if (program.opts<Options>().json)
    process.stdout.write(`${JSON.stringify({ ok: false, error: { message } })}\n`)
  progress(`error: ${message}`)
  process.exitCode = 1
}
