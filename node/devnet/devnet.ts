import { rmSync } from 'node:fs'
import type { Address, Logger, ProcessError } from '../../src/interface/index.js'
import { type NetworkFile, removeNetworkFile, writeNetworkFile } from '../config/network-file.js'
import { devProvider, devSigner } from './accounts.js'
import { startAnvil } from './anvil.js'
import { deployContracts, deployExamples } from './deploy.js'
import { refuseAnother } from './refuse-another.js'
import { createSubgraphRunner } from './subgraph-runner/index.js'

export interface DevnetInit {
  /** Where the network is described to nodes and clients. Removed at the end. */
  networkFile: string
  /** Development accounts with 10,000 ether each. */
  accounts: number
  /** Default: a free port. */
  rpcPort?: number
  /** Default: a free port. */
  subgraphPort?: number
  /** How long a lease holds on this network, where it is not the timing's own. */
  leaseMs?: number
  logger: Logger
  /** Told of each step before it is taken. */
  onStep?(step: string): void
  signal?: AbortSignal
}

/** A chain, its contracts and its subgraph on this machine. */
export interface Devnet {
  network: NetworkFile & { client: Address }
  onCrash(listener: (err: ProcessError) => void): void
  /** Safe to repeat. */
  stop(): Promise<void>
}

/** Starts all, or stops what it started and throws. */
export async function startDevnet(init: DevnetInit): Promise<Devnet> {
  const { networkFile, signal, onStep = () => undefined } = init
  const undo: (() => void | Promise<void>)[] = []
  const stop = async (): Promise<void> => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) {
      await step()
    }
  }
  try {
    await refuseAnother(networkFile)
    onStep('Starting the chain (anvil)')
    const anvil = await startAnvil({
      accounts: init.accounts,
      ...(init.rpcPort === undefined ? {} : { port: init.rpcPort }),
      ...(signal === undefined ? {} : { signal })
    })
    undo.push(anvil.stop)

    onStep('Deploying the contracts')
    const provider = devProvider(anvil.rpc, anvil.chainId)
    const deployer = devSigner(0, provider)
    const deployment = await deployContracts(deployer, {
      atOnce: true,
      onFault: err => onStep(`Leaving out a model: ${err.message}`)
    })
      .then(async deployed => ({ ...deployed, ...(await deployExamples(deployer, deployed)) }))
      .finally(() => provider.destroy())
    signal?.throwIfAborted()

    onStep('Starting the subgraph')
    const { oracle, registry, models, client, examples } = deployment
    const runner = await createSubgraphRunner({
      rpcUrl: anvil.rpc,
      addresses: { oracle, registry },
      startBlock: 0,
      ...(init.subgraphPort === undefined ? {} : { listenPort: init.subgraphPort }),
      logger: init.logger.child({ name: 'subgraph-runner' })
    })
    undo.push(() => runner.stop())
    await runner.start()

    const peers = `${networkFile}.peers`
    const clearPeers = (): void => rmSync(peers, { recursive: true, force: true })
    // Nodes of an earlier network may have left their addresses.
    clearPeers()
    undo.push(clearPeers)
    const network = {
      chainId: anvil.chainId,
      rpc: anvil.rpc,
      subgraph: runner.url,
      oracle,
      registry,
      models,
      client,
      examples,
      timing: 'local' as const,
      ...(init.leaseMs === undefined ? {} : { leaseMs: init.leaseMs }),
      peers,
      bootstrap: []
    }
    writeNetworkFile(networkFile, network)
    undo.push(() => removeNetworkFile(networkFile, network.rpc))
    return { network, onCrash: listener => anvil.onCrash(listener), stop }
  } catch (err) {
    await stop()
    throw err
  }
}
