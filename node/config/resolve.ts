import { resolve } from 'node:path'
import type { AccountSource } from '../../src/chain/account.js'
import { defaultRetentionMs } from '../../src/db/pruner.js'
import {
  type Address,
  ConfigError,
  checkTiming,
  deliveryMs,
  internetTiming,
  type LeaseTiming,
  localTiming,
  type NetworkIdentity
} from '../../src/interface/index.js'
import type { SubmitSettings } from '../../src/submit/settings.js'
import { type LoadedSettings, loadNetwork } from './load.js'
import type { NetworkFile } from './network-file.js'
import type { Role, Settings } from './settings.js'

/** Chain id of anvil and of every other development chain: only there are the well-known accounts used. */
export const devChainId = 31_337

export interface LogConfig {
  level: NonNullable<Settings['logLevel']>
  format: NonNullable<Settings['logFormat']>
}

/**
 * A local chain mines each transaction at once, and its ether is nobody's money. After a reorg, anvil may keep one whose
 * predecessor was mined again for ever.
 */
const localSubmitting = {
  pollIntervalMs: 250,
  maxWaitMs: 50,
  stuckAfterMs: 5_000,
  checkIntervalMs: 5_000,
  maxCostFactor: 0
}

/** What a command needs that asks the network for something. */
export interface ClientConfig {
  network: NetworkIdentity
  rpc: string
  subgraph: string
  /** Model contract of each task. */
  models: Record<string, Address>
  /** The ExampleClient contract, where there is one. */
  client: Address | undefined
  /** The other contracts of contracts/examples, by name. */
  examples: Record<string, Address>
  /** Peers to begin with. */
  bootstrap: string[]
  /** Directory in which the nodes of one machine find each other. */
  peersDirectory: string | undefined
  /** Whether all nodes are on one machine. */
  local: boolean
  account: AccountSource
  log: LogConfig
}

/** Where content is kept and had from. */
export interface ContentConfig {
  quotaMb: number
  /** Of IPFS. */
  gateways: string[]
  arweaveGateway: string
  /** Path of its key file. */
  arweaveWallet: string | undefined
}

/** What a node needs. Every field is read by node/node.ts. */
export interface NodeConfig {
  role: Role
  /** Absolute. */
  dataDir: string
  network: NetworkIdentity
  timing: LeaseTiming
  timingName: 'local' | 'internet'
  /** How often a sequencer asks the subgraph for new jobs. */
  pollIntervalMs: number
  /** After which time without a worker that offers its model a job is failed as UnknownModel. */
  unservedAfterMs: number
  rpc: string
  subgraph: string
  listen: string[]
  bootstrap: string[]
  mdns: boolean
  /** Directory in which the nodes of one machine find each other. */
  peersDirectory: string | undefined
  account: AccountSource
  /** How results are carried to the chain, where it differs from the submitter's defaults. */
  submit: Partial<SubmitSettings>
  /** Whether the account is taken from another node that it is registered for. */
  replaceRegistration: boolean
  capacity: number
  /** Manifest files, or folders of them; undefined: those of the package and of the data directory. */
  models: string[] | undefined
  executionTimeoutMs: number
  executionMemoryMb: number
  /** The largest model that is fetched from peers; 0: none is. */
  fetchModelsMb: number
  content: ContentConfig
  /** How long what is done with stays in the database. */
  retentionMs: number
  log: LogConfig
}

/** Throws ConfigError where the network is not named. */
export function resolveClientConfig(loaded: LoadedSettings): ClientConfig {
  const { settings } = loaded
  const network = loadNetwork(loaded)
  return {
    ...resolveNetwork(loaded, network),
    models: network?.models ?? {},
    client: network?.client,
    examples: network?.examples ?? {},
    bootstrap: settings.bootstrap ?? network?.bootstrap ?? [],
    peersDirectory: network?.peers,
    local: (settings.timing ?? network?.timing) === 'local',
    account: resolveAccount(settings, 0),
    log: resolveLog(settings)
  }
}

/** Throws ConfigError where the role or the network is not named. */
export function resolveNodeConfig(loaded: LoadedSettings): NodeConfig {
  const { settings } = loaded
  const network = loadNetwork(loaded)
  if (settings.role === undefined) {
    throw new ConfigError('--role (flag): is missing, and must be one of sequencer, worker (see --help)')
  }
  const account = resolveAccount(settings, 1)
  const timingName = settings.timing ?? network?.timing ?? 'internet'
  const local = timingName === 'local'
  const base = local ? localTiming : internetTiming
  const timing = { ...base, leaseMs: settings.leaseMs ?? network?.leaseMs ?? base.leaseMs }
  checkTiming(timing, deliveryMs[timingName])
  return {
    role: settings.role,
    dataDir: resolve(resolveDataDir(settings, settings.role)),
    ...resolveNetwork(loaded, network),
    timing,
    timingName,
    // Within about a second of the block, at a cost that a public endpoint bears.
    pollIntervalMs: local ? 250 : 1_000,
    // Long enough for workers to join and say what they offer; a tenth of the deadline at most.
    unservedAfterMs: local ? 5_000 : 60_000,
    listen: settings.listen ?? [local ? '/ip4/127.0.0.1/tcp/0' : '/ip4/0.0.0.0/tcp/9470'],
    bootstrap: settings.bootstrap ?? network?.bootstrap ?? [],
    mdns: settings.mdns ?? false,
    peersDirectory: network?.peers,
    account,
    submit: {
      ...(local ? localSubmitting : {}),
      ...(settings.maxFeeGwei === undefined ? {} : { maxFeePerGas: settings.maxFeeGwei }),
      ...(settings.maxCostFactor === undefined ? {} : { maxCostFactor: settings.maxCostFactor })
    },
    replaceRegistration: settings.replaceRegistration ?? false,
    capacity: settings.capacity ?? 1,
    models: settings.models,
    executionTimeoutMs: settings.executionTimeoutMs ?? 60_000,
    executionMemoryMb: settings.executionMemoryMb ?? 2_048,
    fetchModelsMb: settings.fetchModelsMb ?? (local ? 512 : 0),
    content: {
      quotaMb: settings.contentMb ?? 10_240,
      gateways: settings.gateways ?? (local ? [] : ['https://trustless-gateway.link', 'https://ipfs.io']),
      arweaveGateway: settings.arweaveGateway ?? 'https://arweave.net',
      arweaveWallet: settings.arweaveWallet
    },
    retentionMs:
      settings.retentionHours === undefined ? defaultRetentionMs : settings.retentionHours * 3_600_000,
    log: resolveLog(settings)
  }
}

export function resolveLog(settings: Settings): LogConfig {
  return { level: settings.logLevel ?? 'info', format: settings.logFormat ?? 'auto' }
}

function resolveNetwork(
  { settings, networkFile }: LoadedSettings,
  network: NetworkFile | undefined
): {
  network: NetworkIdentity
  rpc: string
  subgraph: string
} {
  const chainId = settings.chainId ?? network?.chainId
  const rpc = settings.rpcUrl ?? network?.rpc
  const subgraph = settings.subgraphUrl ?? network?.subgraph
  const oracle = settings.oracle ?? network?.oracle
  const registry = settings.registry ?? network?.registry
  if (
    chainId === undefined ||
    rpc === undefined ||
    subgraph === undefined ||
    oracle === undefined ||
    registry === undefined
  ) {
    throw new ConfigError(
      `No network: there is no network file ${networkFile}. Start one with \`npx buffalo-node devnet\`, name a file with --network-file, or give --chain-id, --rpc-url, --subgraph-url, --oracle and --registry`
    )
  }
  return { network: { chainId, oracle, registry }, rpc, subgraph }
}

/** Throws ConfigError. */
export function resolveAccount(settings: Settings, defaultIndex: number): AccountSource {
  if (settings.privateKey !== undefined) {
    return { kind: 'private-key', privateKey: settings.privateKey }
  }
  if (settings.keystore !== undefined) {
    if (settings.passwordFile === undefined) {
      throw new ConfigError(
        '--password-file (flag): is missing, and must name the file with the password of --keystore'
      )
    }
    return { kind: 'keystore', keystorePath: settings.keystore, passwordPath: settings.passwordFile }
  }
  return { kind: 'development', index: settings.accountIndex ?? defaultIndex }
}

/** Where the data directories of nodes lie unless they are named, under the working directory. */
export const dataRoot = '.buffalo'

/** Where a node of the role keeps its state. Throws ConfigError where its account is named by half. */
export function resolveDataDir(settings: Settings, role: Role): string {
  if (settings.dataDir !== undefined) {
    return settings.dataDir
  }
  if (role === 'sequencer') {
    return `${dataRoot}/sequencer`
  }
  const account = resolveAccount(settings, 1)
  return account.kind === 'development' ? `${dataRoot}/worker-${account.index}` : `${dataRoot}/worker`
}
