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
import { addStatusCommand } from './commands/status.js'
import { addSubmitCommand } from './commands/submit.js'
import { addTestnetCommand } from './commands/testnet.js'
import { readEnvironment } from './config/environment.js'
import { suggest } from './config/suggest.js'
import { failureLog } from './log.js'
import { reportFailure } from './output.js'
import { packageVersion } from './paths.js'

/** Runs the program. Sets process.exitCode; never throws. */
export async function main(argv: string[]): Promise<void> {
  const environment = readEnvironment()
  try {
    const program = createProgram()
    // Where variables say what to run, nothing is missing.
    if (argv.length === 0 && !('BUFFALO_ROLE' in environment || 'BUFFALO_CONFIG' in environment)) {
      // A failure, as with git and npm: a script should notice that what it was to do is missing.
      program.outputHelp()
      process.exitCode = 1
      return
    }
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
    const log = asksForJsonLog(argv, environment) ? failureLog() : undefined
    reportFailure(failure, argv.includes('--json'), asksForDebug(argv), {}, log)
  }
}

function createProgram(): Command {
  const program = new Command('buffalo-node')
    .description('Answers smart contracts’ requests to ML models over a peer-to-peer network.')
    .version(packageVersion(), '-V, --version')
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
  $ npx buffalo-node status                      how the nodes of this folder are
  $ npx buffalo-node account                     a worker's funds, pay and registration
  $ npx buffalo-node models list                 the models that a worker can offer
`
    )
  addRunCommand(program)
  addStatusCommand(program)
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
  let of = program
  const path: string[] = []
  for (const word of argv) {
    const known = [...of.commands.map(command => command.name()), 'help']
    if (known.length === 1 || word.startsWith('-') || word === 'help') return
    const found = of.commands.find(command => command.name() === word)
    if (found === undefined) {
      const name = JSON.stringify([...path, word].join(' '))
      throw new ConfigError(`There is no command ${name}${suggest(word, known)} (see --help)`)
    }
    path.push(word)
    of = found
  }
}

/** `--role worker --help` asks for the help of `run`: commander would show the program's. */
function withCommand(argv: string[]): string[] {
  const [first] = argv
  const isOfProgram = first === undefined || ['-h', '--help', '-V', '--version'].includes(first)
  return isOfProgram || !first.startsWith('-') ? argv : ['run', ...argv]
}

/** Where the settings could not be read, too. What a configuration file asks for, `run` knows. */
function asksForJsonLog(argv: string[], environment: Record<string, string>): boolean {
  return /--log-format[ =]json/.test(argv.join(' ')) || environment.BUFFALO_LOG_FORMAT === 'json'
}

function asksForDebug(argv: string[]): boolean {
  return /--log-level[ =](debug|trace)/.test(argv.join(' '))
}
