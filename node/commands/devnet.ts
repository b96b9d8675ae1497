import { Command } from 'commander'
import type { ProcessError } from '../../src/interface/index.js'
import { integer } from '../config/fields.js'
import { resolveLog } from '../config/resolve.js'
import type { SettingName } from '../config/settings.js'
import { type Devnet, startDevnet } from '../devnet/devnet.js'
import { createLogger } from '../log.js'
import { listenForStop } from '../stop-signal.js'
import { aborted } from '../wait.js'
import { parseFlag } from './flags.js'
import { addSettings, open } from './options.js'

const devnetSettings: SettingName[] = ['networkFile', 'logLevel', 'logFormat']

export function addDevnetCommand(program: Command): void {
  const command = new Command('devnet')
    .description('run a chain, the contracts and the subgraph, and write the network file')
    .option('--rpc-port <port>', 'port of the chain; a free one by default')
    .option('--subgraph-port <port>', 'port of the subgraph; a free one by default')
    .option('--accounts <n>', 'development accounts with ether', '50')
    .addHelpText(
      'after',
      '\nExamples:\n  $ npx buffalo-node devnet\n  $ npx buffalo-node devnet --rpc-port 8545 --network-file /tmp/network.json --json\n'
    )
  addSettings(command, devnetSettings).action(() => devnet(command))
  program.addCommand(command.copyInheritedSettings(program))
}

async function devnet(command: Command): Promise<void> {
  const { loaded, output, flags } = open(command)
  const port = integer(0, 65_535)
  const rpcPort = parseFlag('--rpc-port', port, flags.rpcPort)
  const subgraphPort = parseFlag('--subgraph-port', port, flags.subgraphPort)
  const stop = listenForStop(output.progress, 'the network')
  let running: Devnet | undefined
  try {
    running = await startDevnet({
      networkFile: loaded.networkFile,
      accounts: parseFlag('--accounts', integer(1, 1_000), flags.accounts) ?? 50,
      ...(rpcPort === undefined ? {} : { rpcPort }),
      ...(subgraphPort === undefined ? {} : { subgraphPort }),
      logger: createLogger(resolveLog(loaded.settings)),
      onStep: step => output.progress(`${step} …`),
      signal: stop.signal
    })
    const crash = Promise.withResolvers<ProcessError>()
    running.onCrash(crash.resolve)
    output.result(
      { ok: true, networkFile: loaded.networkFile, ...running.network },
      introduction(running, loaded.networkFile)
    )
    const err = await Promise.race([crash.promise, aborted(stop.signal)])
    if (err !== undefined) {
      throw err
    }
  } catch (err) {
    if (!stop.signal.aborted) {
      throw err
    }
    if (running === undefined) {
      throw stop.signal.reason
    }
  } finally {
    await running?.stop()
    stop.dispose()
  }
}

function introduction({ network }: Devnet, networkFile: string): string {
  return `
The network is up (Ctrl+C ends it):
  chain      ${network.rpc}  (id ${network.chainId})
  subgraph   ${network.subgraph}
  oracle     ${network.oracle}
  client     ${network.client}
  file       ${networkFile}

In other terminals, in this directory:
  npx buffalo-node --role sequencer
  npx buffalo-node --role worker
  npx buffalo-node --role worker --account-index 2
  npx buffalo-node submit image-to-text --input picture.png --wait
  npx buffalo-node jobs
`
}
