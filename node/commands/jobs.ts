import Table from 'cli-table3'
import { Command } from 'commander'
import { createJobQueries, type JobView } from '../client/job-queries.js'
import { failureLine, type ShownJob, show, toPlain } from '../client/present.js'
import { readTasks } from '../client/task-registry.js'
import { choice, integer } from '../config/fields.js'
import { resolveClientConfig } from '../config/resolve.js'
import { clientSettings } from '../config/settings.js'
import { parseFlag } from './flags.js'
import { addSettings, open } from './options.js'

export function addJobsCommand(program: Command): void {
  const command = new Command('jobs')
    .description('list jobs, newest first')
    .option('--limit <n>', 'how many at most', '20')
    .option('--before <id>', 'only jobs before this one')
    .option('--status <status>', 'only open, succeeded or failed jobs')
    .addHelpText(
      'after',
      `
Examples:
  $ npx buffalo-node jobs
  $ npx buffalo-node jobs --status failed --limit 100
  $ npx buffalo-node jobs --before 81 --json
`
    )
  addSettings(command, clientSettings).action(() => jobs(command))
  program.addCommand(command.copyInheritedSettings(program))
}

async function jobs(command: Command): Promise<void> {
  const { loaded, output, flags } = open(command)
  const config = resolveClientConfig(loaded)
  const limit = parseFlag('--limit', integer(1, 100_000), flags.limit) ?? 20
  const before = parseFlag('--before', integer(1), flags.before)
  const status = parseFlag<JobView['status']>('--status', choice('open', 'succeeded', 'failed'), flags.status)
  const registry = await readTasks()
  const found = await createJobQueries(config.subgraph).jobs({
    limit,
    ...(before === undefined ? {} : { before: BigInt(before) }),
    ...(status === undefined ? {} : { status })
  })
  const shown = found.map(job => show(job, registry))
  output.result(
    { ok: true, jobs: shown.map(toPlain) },
    shown.length === 0 ? 'There are no jobs.' : table(shown)
  )
}

function table(shown: ShownJob[]): string {
  const rows = new Table({
    head: ['job', 'task', 'status', 'worker', 'created', 'output'],
    style: { head: [], border: [], compact: true }
  })
  for (const { job, task, line } of shown) {
    rows.push([
      job.id.toString(),
      task,
      job.status,
      job.result?.worker?.slice(-8) ?? '',
      new Date(job.createdAtMs).toISOString().slice(0, 19).replace('T', ' '),
      shorten(line ?? failureLine(job) ?? '')
    ])
  }
  return rows.toString()
}

function shorten(line: string): string {
  return line.length <= 48 ? line : `${line.slice(0, 47)}…`
}
