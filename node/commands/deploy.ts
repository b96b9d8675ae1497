import { existsSync } from 'node:fs'
import { Command } from 'commander'
import { formatEther, parseEther, ZeroAddress } from 'ethers'
import { loadWallet } from '../../src/chain/account.js'
import { createChainClient } from '../../src/chain/provider.js'
import { AccountError, type Address, ConfigError } from '../../src/interface/index.js'
import { ether, integer } from '../config/fields.js'
import { type NewNetworkFile, writeNetworkFile } from '../config/network-file.js'
import { resolveAccount, resolveLog } from '../config/resolve.js'
import type { SettingName } from '../config/settings.js'
import { deployContracts } from '../devnet/deploy.js'
import { createLogger } from '../log.js'
import type { Output } from '../output.js'
import { listenForStop } from '../stop-signal.js'
import { parseFlag } from './flags.js'
import { addSettings, open } from './options.js'

const deploySettings: SettingName[] = [
  'chainId',
  'rpcUrl',
  'subgraphUrl',
  'networkFile',
  'accountIndex',
  'keystore',
  'passwordFile',
  'logLevel',
  'logFormat'
]
const connectTimeoutMs = 15_000
/** Between two looks for a receipt. */
const pollIntervalMs = 1_000

export function addDeployCommand(program: Command): void {
  const command = new Command('deploy')
    .description('deploy the contracts to a chain, and write the network file')
    .option('--price <ether>', "a worker's pay for one inference", '0.001')
    .option('--model-price <ether>', "the pay of the models' owner for one inference", '0.0005')
    .option('--job-timeout <seconds>', 'after which a job can be reclaimed', '3600')
    .option('--force', 'replace a network file that is there')
    .addHelpText(
      'after',
      `
The account pays for two transactions, one for each model of the repository and one for each task. It owns the contracts.

Example:
  $ BUFFALO_PRIVATE_KEY=0x… npx buffalo-node deploy --chain-id 11155111 --rpc-url https://… --network-file sepolia.json
`
    )
  addSettings(command, deploySettings).action(() => deploy(command))
  program.addCommand(command.copyInheritedSettings(program))
}

async function deploy(command: Command): Promise<void> {
  const { loaded, output, flags } = open(command)
  const { settings, networkFile } = loaded
  const { chainId, rpcUrl } = settings
  if (chainId === undefined || rpcUrl === undefined) {
    throw new ConfigError('--chain-id and --rpc-url (flags): both are needed, to know where to deploy')
  }
  if (existsSync(networkFile) && flags.force !== true) {
    throw new ConfigError(
      `There is a network file ${networkFile} already: name another with --network-file, or replace it with --force`
    )
  }
  const price = parseFlag('--price', ether, flags.price) ?? '0.001'
  const modelPrice = parseFlag('--model-price', ether, flags.modelPrice) ?? '0.0005'
  const jobTimeoutSeconds = parseFlag('--job-timeout', integer(10, 30 * 86_400), flags.jobTimeout) ?? 3_600
  const stop = listenForStop(output.progress, 'the deployment')
  const wallet = await loadWallet(resolveAccount(settings, 0), chainId)
  const chain = await createChainClient({
    rpcUrl,
    network: { chainId, oracle: ZeroAddress as Address, registry: ZeroAddress as Address },
    expectContracts: false,
    pollIntervalMs,
    connectTimeoutMs,
    signal: stop.signal,
    log: createLogger({ ...resolveLog(settings), level: 'error' })
  })
  try {
    const balance = await chain.provider.getBalance(wallet.address)
    if (balance === 0n) {
      throw new AccountError(
        `The account ${wallet.address} has no ether on chain ${chainId}: send it some first`
      )
    }
    output.progress(
      `Deploying to chain ${chainId} as ${wallet.address}, which has ${formatEther(balance)} ether`
    )
    const startBlock = await chain.provider.getBlockNumber()
    const deployment = await deployContracts(wallet.connect(chain.provider), {
      price,
      modelPrice,
      jobTimeoutSeconds,
      onStep(step) {
        // A contract that is being deployed cannot be called back; the next ones can be left out.
        stop.signal.throwIfAborted()
        output.progress(`${step} …`)
      }
    })
    const network: NewNetworkFile = {
      chainId,
      rpc: rpcUrl,
      ...(settings.subgraphUrl === undefined ? {} : { subgraph: settings.subgraphUrl }),
      ...deployment,
      timing: 'internet',
      bootstrap: []
    }
    writeNetworkFile(networkFile, network)
    report(output, network, networkFile, startBlock, parseEther(price) + parseEther(modelPrice))
  } finally {
    chain.destroy()
    stop.dispose()
  }
}

function report(
  output: Output,
  network: NewNetworkFile,
  networkFile: string,
  startBlock: number,
  priceWei: bigint
): void {
  const models = Object.entries(network.models)
  output.result(
    { ok: true, networkFile, startBlock, ...network },
    `
The contracts are deployed; one inference costs ${formatEther(priceWei)} ether:
  oracle         ${network.oracle}
  registry       ${network.registry}
${models.map(([name, address]) => `  ${name.padEnd(14)} ${address}`).join('\n')}
  start block    ${startBlock}
  file           ${networkFile}

Next: deploy the subgraph with these addresses and this start block (subgraph/README.md), write its query URL into the
file as "subgraph", and start nodes with --network-file ${networkFile}
`
  )
}
