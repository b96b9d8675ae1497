import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { ConfigError } from '../src/interface/index.js'
import { addAccountCommand } from './commands/account.js'
import { addContentCommand } from './commands/content.js'
import { addDeployCommand } from './commands/deploy.js'
import { addDevnetCommand } from './commands/devnet.js'
import { addExplainCommand } from './commands/explain.js'
import { addJobCommand } from './commands/job.js'
import { addJobsCommand } from './commands/jobs.js'
import { addModelsCommand } from './commands/models.js'
import { addReclaimCommand } from './commands/reclaim.js'
import { addRunCommand } from './commands/run.js'
import { addSubmitCommand } from './commands/submit.js'
import { addTestnetCommand } from './commands/testnet.js'
import { suggest } from './config/suggest.js'
import { reportFailure } from './output.js'

/** Runs the program. Sets process.exitCode; never throws. */
export async function main(argv: string[]): Promise<void> {
  try {
    const program = createProgram()
    refuseUnknownCommand(argv, program)
    await program.parseAsync(withCommand(argv), { from: 'user' })
  } catch (err) {
    if (err instanceof CommanderError && err.exitCode === 0) {
      return // --help and --version have printed what they had to
    }
    const failure =
      err instanceof CommanderError
        ? new ConfigError(`${err.message.replace(/^error: /, '')} (see --help)`, { cause: err })
        : err
    reportFailure(failure, argv.includes('--json'), asksForDebug(argv))
  }
}

function createProgram(): Command {
  const program = new Command('buffalo-node')
    .description('Answers smart contracts’ requests to ML models over a peer-to-peer network.')
    .version(version(), '-V, --version')
    .configureOutput({ outputError: () => undefined })
    .exitOverride()
    .addHelpText(
      'after',
      `
Examples:
  $ npx buffalo-node testnet                     a whole network, with real jobs, and its end
  $ npx buffalo-node devnet                      chain, contracts and subgraph to play with
  $ npx buffalo-node --role sequencer            a node, on the network of .buffalo/network.json
  $ npx buffalo-node --role worker --help        all settings of a node
  $ npx buffalo-node submit image-to-text --input picture.png --wait
  $ npx buffalo-node account                     a worker's funds, pay and registration
  $ npx buffalo-node models list                 the models that a worker can offer
`
    )
  addRunCommand(program)
  addDevnetCommand(program)
  addTestnetCommand(program)
  addSubmitCommand(program)
  addJobsCommand(program)
  addJobCommand(program)
  addExplainCommand(program)
  addReclaimCommand(program)
  addAccountCommand(program)
  addModelsCommand(program)
  addDeployCommand(program)
  addContentCommand(program)
  return program
}

/** Commander would hand a mistyped command to the default one, and complain of its arguments. */
function refuseUnknownCommand(argv: string[], program: Command): void {
  const [first] = argv
  const known = [...program.commands.map(command => command.name()), 'help']
  if (first !== undefined && !first.startsWith('-') && !known.includes(first)) {
    throw new ConfigError(`There is no command ${JSON.stringify(first)}${suggest(first, known)} (see --help)`)
  }
}

/** `--role worker --help` asks for the help of `run`: commander would show the program's. */
function withCommand(argv: string[]): string[] {
  const [first] = argv
  const isOfProgram = first === undefined || ['-h', '--help', '-V', '--version'].includes(first)
  return isOfProgram || !first.startsWith('-') ? argv : ['run', ...argv]
}

function asksForDebug(argv: string[]): boolean {
  return /--log-level[ =](debug|trace)/.test(argv.join(' '))
}

function version(): string {
  const content = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(content) as { version: string }).version
}
