import { Command } from 'commander'
import { type BuffaloError, TimeoutError } from '../../src/interface/index.js'
import { integer } from '../config/fields.js'
import { resolveLog } from '../config/resolve.js'
import type { SettingName } from '../config/settings.js'
import { createLogger } from '../log.js'
import type { Output } from '../output.js'
import { listenForStop } from '../stop-signal.js'
import { createBoard } from '../testnet/board.js'
import { createDisplay } from '../testnet/display.js'
import { type TestnetReport, testnet } from '../testnet/testnet.js'
import { aborted } from '../wait.js'
import { type NetworkRun, prepareDemo, printDemo } from './demo.js'
import { parseFlag } from './flags.js'
import { addSettings, open } from './options.js'
import { runTrial, type TrialName, trialOf } from './trials.js'

const testnetSettings: SettingName[] = ['leaseMs', 'logLevel', 'logFormat']

export function addTestnetCommand(program: Command): void {
  const command = new Command('testnet')
    .description('run a whole network on this machine, send it real jobs, and check the answers')
    .option('--sequencers <n>', 'how many sequencers; 1 by default')
    .option('--workers <n>', 'how many workers; 2 by default, 3 in trials')
    .option('--jobs <n>', 'how many jobs; 4 by default')
    .option('--timeout <seconds>', 'until when all jobs must be final; 120 by default, 900 with --demo')
    .option(
      '--demo',
      'run every model of the repository through its contract, play tic-tac-toe, mint and evolve an NFT'
    )
    .option('--out <folder>', 'where --demo saves the pictures; buffalo-demo by default')
    .option('--games <n>', 'how many games --demo plays; 20 by default')
    .option(
      '--chaos',
      'trial: send jobs while processes, links, chain, RPC and subgraph fail, and check what came of it'
    )
    .option('--minutes <n>', 'how long --chaos lasts; 3 by default')
    .option('--seed <n>', 'which schedule of faults, or openings of games; 1 by default')
    .option(
      '--links <how>',
      'how --chaos cuts connections: "namespaces" (packets vanish between network namespaces; root on Linux, with ip of iproute2) or "gater" (nodes close them); namespaces where they can be had by default'
    )
    .option(
      '--takeover',
      'trial: kill the holder of a job again and again, and measure how soon another takes over'
    )
    .option('--kills <n>', 'how many holders --takeover kills; 30 by default')
    .option('--hostile', 'trial: send jobs while a hostile peer attacks all nodes at full speed')
    .option('--registered', 'the hostile peer of --hostile is registered as a worker')
    .option('--seconds <n>', 'how long --hostile attacks; 60 by default')
    .option('--interval-ms <ms>', 'between two jobs of a trial; 1000 by default')
    .option('--keep', 'leave the network up afterwards, until Ctrl+C')
    .option('--show-logs', "print the nodes' logs too")
    .addHelpText(
      'after',
      `
Examples:
  $ npx buffalo-node testnet
  $ npx buffalo-node testnet --workers 3 --sequencers 2 --jobs 6 --json
  $ npx buffalo-node testnet --jobs 1 --keep
  $ npx buffalo-node testnet --demo --out pictures
`
    )
  addSettings(command, testnetSettings).action(() => runTestnet(command))
  program.addCommand(command.copyInheritedSettings(program))
}

async function runTestnet(command: Command): Promise<void> {
  const { loaded, output, flags } = open(command)
  const trial = trialOf(flags)
  if (trial !== undefined) {
    return runTrialUntilStopped(trial, open(command))
  }
  const isDemo = flags.demo === true
  const timeoutMs =
    (parseFlag('--timeout', integer(1, 86_400), flags.timeout) ?? (isDemo ? 900 : 120)) * 1_000
  const stop = listenForStop(output.progress, 'the network')
  const late = new AbortController()
  const timer = setTimeout(
    () =>
      late.abort(
        new TimeoutError(`The network was not done in ${timeoutMs / 1_000} s: allow more with --timeout`)
      ),
    timeoutMs
  )
  const board = createBoard()
  const display = createDisplay(board, process.stderr)
  const run: NetworkRun = {
    flags,
    leaseMs: loaded.settings.leaseMs,
    board,
    logger: createLogger({ ...resolveLog(loaded.settings), level: loaded.settings.logLevel ?? 'warn' }),
    onStep: step => display.step(`${step} …`),
    onLog: (node, line) => (flags.showLogs === true ? display.step(`[${node}] ${line}`) : undefined),
    signal: AbortSignal.any([stop.signal, late.signal])
  }
  let network: PreparedNetwork | undefined
  try {
    network = isDemo ? preparedDemo(run, output) : preparedTestnet(run, output)
    const print = await network.run()
    display.stop()
    clearTimeout(timer)
    print(flags.keep === true ? network.networkFile : undefined)
    if (flags.keep === true) {
      await aborted(stop.signal)
    }
  } finally {
    clearTimeout(timer)
    display.stop()
    if (network !== undefined) {
      output.progress('Stopping everything …')
      await network.stop()
    }
    stop.dispose()
  }
}

/** A local network, whatever it does. */
interface PreparedNetwork {
  networkFile: string
  /** Resolves with what prints the report; `keptAt`: the network file of a network that stays up. */
  run(): Promise<(keptAt: string | undefined) => void>
  stop(): Promise<void>
}

function preparedTestnet({ flags, leaseMs, ...run }: NetworkRun, output: Output): PreparedNetwork {
  const count = (name: string, value: unknown, min: number, max: number, otherwise: number): number =>
    parseFlag(name, integer(min, max), value) ?? otherwise
  const network = testnet({
    ...run,
    ...(leaseMs === undefined ? {} : { leaseMs }),
    sequencers: count('--sequencers', flags.sequencers, 1, 50, 1),
    workers: count('--workers', flags.workers, 1, 200, 2),
    jobs: count('--jobs', flags.jobs, 0, 10_000, 4)
  })
  return {
    ...network,
    async run() {
      const report = await network.run()
      return keptAt => print(output, report, keptAt)
    }
  }
}

function preparedDemo(run: NetworkRun, output: Output): PreparedNetwork {
  const network = prepareDemo(run)
  return {
    ...network,
    async run() {
      const report = await network.run()
      return keptAt => printDemo(output, report, keptAt)
    }
  }
}

async function runTrialUntilStopped(
  trial: TrialName,
  { loaded, output, flags }: ReturnType<typeof open>
): Promise<void> {
  const stop = listenForStop(output.progress, 'the trial')
  try {
    await runTrial(trial, {
      flags,
      leaseMs: loaded.settings.leaseMs,
      logger: createLogger({ ...resolveLog(loaded.settings), level: loaded.settings.logLevel ?? 'error' }),
      output,
      onStep: step => output.progress(`${step} …`),
      signal: stop.signal
    })
  } finally {
    stop.dispose()
  }
}

function print(output: Output, report: TestnetReport, keptAt: string | undefined): void {
  const { network, faults } = report
  const ok = faults.length === 0
  const error: Pick<BuffaloError, 'code' | 'message'> = {
    code: 'BUFFALO_ERR_PROCESS',
    message: `The network did not do what it should: ${faults.join('; ')}`
  }
  output.result(
    {
      ok,
      chainId: network.chainId,
      rpc: network.rpc,
      subgraph: network.subgraph,
      oracle: network.oracle,
      client: network.client,
      nodes: report.nodes.map(({ role, peerId, account, pid }) => ({
        role,
        peerId,
        ...(account ? { account } : {}),
        pid
      })),
      jobs: report.jobs,
      ...(keptAt === undefined ? {} : { networkFile: keptAt }),
      ...(ok ? {} : { error, faults })
    },
    describe(report, keptAt)
  )
}

function describe({ jobs, faults, network }: TestnetReport, keptAt: string | undefined): string {
  const answers = jobs.map(
    job =>
      `job ${job.id}: ${job.status} in ${job.latencyMs ?? '?'} ms by ${job.worker ?? 'nobody'}\n${indent(job.output ?? '')}`
  )
  const verdict =
    faults.length === 0
      ? `All ${jobs.length} jobs succeeded, each run once; the client holds the same texts.`
      : `Not as it should be:\n${indent(faults.join('\n'))}`
  const kept =
    keptAt === undefined
      ? []
      : [
          `
The network stays up until Ctrl+C:
  chain ${network.rpc}, subgraph ${network.subgraph}
  npx buffalo-node submit image-to-text --input picture.png --wait --network-file ${keptAt}
  npx buffalo-node jobs --network-file ${keptAt}
  npx buffalo-node --role worker --account-index 9 --network-file ${keptAt}`
        ]
  return [...answers, verdict, ...kept].join('\n')
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ')
}
