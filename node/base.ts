import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { PrivateKey } from '@libp2p/interface'
import { type ChainClient, createChainClient } from '../src/chain/provider.js'
import { topicsOf } from '../src/gossip/topic.js'
import {
  type BuffaloError,
  ConfigError,
  type Database,
  type EmitEvent,
  type Logger,
  type Startable,
  systemClock
} from '../src/interface/index.js'
import { loadOrCreateIdentity } from '../src/network/identity.js'
import { createNetwork, type Network } from '../src/network/libp2p.js'
import { type Timeline, timelineServer } from '../src/timeline/index.js'
import type { NodeConfig } from './config/resolve.js'
import { makeFolder } from './folders.js'
import type { StatusKeeper } from './status/status-keeper.js'

/** What both roles stand on, and how it is made. */

export interface NodeComponents {
  logger: Logger
  /** Told of all that happens to jobs here. */
  emit: EmitEvent
  /** Ends the start. */
  signal: AbortSignal
}

export interface Base extends NodeComponents {
  config: NodeConfig
  privateKey: PrivateKey
  chain: ChainClient
  database: Database
  /** Whether the database is known to hold all that the key has signed. */
  isContinuous: boolean
  timeline: Timeline
  status: StatusKeeper
  /** Takes what must be undone at the end, last first. */
  defer(undo: () => void | Promise<void>): void
}

/** Between two looks at the chain where something is waited for. */
export const chainPollMs = { local: 100, internet: 4_000 }

/** Throws ConfigError where the data directory cannot be made, IdentityError. */
export async function openIdentity(
  dataDir: string
): Promise<{ privateKey: PrivateKey; isNewIdentity: boolean }> {
  try {
    await makeFolder(dataDir)
  } catch (err) {
    throw new ConfigError(`--data-dir (flag): cannot make ${dataDir}: ${String(err)}`, { cause: err })
  }
  const path = join(dataDir, 'identity.key')
  const isNewIdentity = !existsSync(path)
  return { privateKey: await loadOrCreateIdentity(path), isNewIdentity }
}

/** Waits for the chain, and checks that it is the network's. */
export function connect(
  config: NodeConfig,
  { logger, signal }: Pick<NodeComponents, 'logger' | 'signal'>,
  onOtherChain: (err: BuffaloError) => void
): Promise<ChainClient> {
  return createChainClient({
    rpcUrl: config.rpc,
    network: config.network,
    pollIntervalMs: chainPollMs[config.timingName],
    log: logger.child({ name: 'chain' }),
    onOtherChain,
    signal
  })
}

/** Throws ListenError. */
export async function joinNetwork({
  config,
  privateKey,
  timeline,
  status,
  logger,
  defer
}: Base): Promise<Network> {
  status.onStep('joining the network')
  const network = await createNetwork(
    {
      privateKey,
      topics: topicsOf(config.network),
      listen: config.listen,
      bootstrap: config.bootstrap,
      mdns: config.mdns,
      datastorePath: join(config.dataDir, 'peers'),
      privateAddresses: config.timingName === 'local',
      ...(config.peersDirectory === undefined ? {} : { peerDirectory: config.peersDirectory })
    },
    { clock: systemClock, logger: logger.child({ name: 'network' }) }
  )
  defer(() => network.stop())
  const server = timelineServer({ role: config.role })({
    libp2p: network.libp2p,
    timeline,
    clock: systemClock,
    logger: logger.child({ name: 'timeline' })
  })
  await server.start()
  defer(() => server.stop())
  await network.start()
  status.add({ network })
  return network
}

export async function run({ status, defer }: Base, service: Startable): Promise<void> {
  status.onStep('taking up what it had')
  defer(() => service.stop())
  await service.start()
}
