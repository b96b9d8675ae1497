import { Command } from 'commander'
import { ConfigError, NotFoundError } from '../../src/interface/index.js'
import { createJobQueries } from '../client/job-queries.js'
import { describe, show, toPlain } from '../client/present.js'
import { readTasks } from '../client/task-registry.js'
import { integer } from '../config/fields.js'
import { resolveClientConfig } from '../config/resolve.js'
import { clientSettings } from '../config/settings.js'
import { addSettings, open } from './options.js'

export function addJobCommand(program: Command): void {
  const command = new Command('job')
    .description('show one job and its answer')
    .argument('<id>', 'as submit printed it')
    .addHelpText('after', '\nExamples:\n  $ npx buffalo-node job 1\n  $ npx buffalo-node job 1 --json\n')
  addSettings(command, clientSettings).action((id: string) => job(id, command))
  program.addCommand(command.copyInheritedSettings(program))
}

async function job(text: string, command: Command): Promise<void> {
  const { loaded, output } = open(command)
  const config = resolveClientConfig(loaded)
  const { schema, must } = integer(1)
  const id = schema.safeParse(text)
  if (!id.success) {
    throw new ConfigError(`<id> (argument): must be ${must}, got "${text}"`)
  }
  const found = await createJobQueries(config.subgraph).job(BigInt(id.data))
  if (found === undefined) {
    throw new NotFoundError(`There is no job ${text} (yet): see \`npx buffalo-node jobs\``)
  }
  const shown = show(found, await readTasks())
  output.result({ ok: true, job: toPlain(shown) }, describe(shown))
}
