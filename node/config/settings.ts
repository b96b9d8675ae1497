import {
  address,
  choice,
  type Field,
  flag,
  gwei,
  httpUrl,
  integer,
  list,
  multiaddr,
  privateKey,
  text
} from './fields.js'

/** One setting of the program. Its variable is its name in capitals: `accountIndex` is `BUFFALO_ACCOUNT_INDEX`. */
export interface Setting<T> {
  field: Field<T>
  /** As commander reads it; absent for secrets, which other users could read off the process list. */
  flag?: string
  description: string
  /** Never shown in an error. */
  secret?: true
}

function setting<T>(field: Field<T>, flag: string, description: string): Setting<T> {
  return { field, flag, description }
}

export const roles = ['sequencer', 'worker'] as const
export type Role = (typeof roles)[number]

/** Every setting, from flags, `BUFFALO_*` variables and the configuration file alike. */
export const settings = {
  role: setting(choice(...roles), '--role <role>', 'sequencer or worker'),
  dataDir: setting(
    text,
    '--data-dir <path>',
    'identity and state; .buffalo/sequencer or .buffalo/worker-<account index> by default'
  ),

  networkFile: setting(
    text,
    '--network-file <path>',
    'describes the network, as devnet writes it; .buffalo/network.json by default'
  ),
  chainId: setting(integer(1), '--chain-id <n>', 'chain of the Oracle contract'),
  rpcUrl: setting(httpUrl, '--rpc-url <url>', "the chain's JSON-RPC endpoint"),
  subgraphUrl: setting(httpUrl, '--subgraph-url <url>', "the subgraph's query endpoint"),
  oracle: setting(address, '--oracle <address>', 'the Oracle contract'),
  registry: setting(address, '--registry <address>', 'the WorkerRegistry contract'),
  timing: setting(
    choice('local', 'internet'),
    '--timing <which>',
    'lease timing: local or internet; equal on all nodes of a network'
  ),
  leaseMs: setting(
    integer(1),
    '--lease-ms <ms>',
    'how long a claim holds before it must be renewed; 10000 by default, equal on all nodes of a network'
  ),

  listen: setting(
    list(multiaddr),
    '--listen <multiaddr...>',
    'addresses to listen on; /ip4/127.0.0.1/tcp/0 on a local network, /ip4/0.0.0.0/tcp/9470 otherwise'
  ),
  bootstrap: setting(list(multiaddr), '--bootstrap <multiaddr...>', 'peers to join the network by'),
  mdns: setting(flag, '--mdns', 'find peers on the local network by multicast DNS'),

  accountIndex: setting(
    integer(0, 999),
    '--account-index <n>',
    'development account of a local chain; 1 by default, 0 pays for jobs'
  ),
  privateKey: {
    field: privateKey,
    description: "key of the worker's or client's account, in hex",
    secret: true
  } as Setting<string>,
  keystore: setting(text, '--keystore <path>', 'keystore (version 3) of the account'),
  passwordFile: setting(
    text,
    '--password-file <path>',
    'file whose first line is the password of the keystore'
  ),

  replaceRegistration: setting(
    flag,
    '--replace-registration',
    'take the account from the other node that it is registered for, which then claims no more'
  ),
  maxFeeGwei: setting(
    gwei,
    '--max-fee-gwei <gwei>',
    'the most that a worker pays for a unit of gas; above it nothing is claimed or sent. 200 by default'
  ),
  maxCostFactor: setting(
    integer(0, 1_000_000),
    '--max-cost-factor <n>',
    'a submission may cost n times what its jobs pay a worker, or waits; 0 for no limit. 10 by default, 0 on a local network'
  ),

  capacity: setting(integer(1, 64), '--capacity <n>', 'how many jobs a worker runs at once; 1 by default'),
  models: setting(
    list(text),
    '--models <path...>',
    'manifests of the models that a worker offers, or folders of them; those of the package and of the data directory by default'
  ),
  executionTimeoutMs: setting(
    integer(100),
    '--execution-timeout-ms <ms>',
    'time limit of one execution; 60000 by default'
  ),
  executionMemoryMb: setting(
    integer(128),
    '--execution-memory-mb <mb>',
    'memory limit of one execution; 2048 by default'
  ),
  fetchModelsMb: setting(
    integer(0, 1_000_000),
    '--fetch-models-mb <mb>',
    'largest model that a worker fetches from peers when a job asks for it; 0 fetches none. 512 by default on a local network, 0 otherwise'
  ),
  contentMb: setting(
    integer(16, 100_000_000),
    '--content-mb <mb>',
    'disk for content of jobs and models that is shared with peers; 10240 by default'
  ),
  gateways: setting(
    list(httpUrl),
    '--gateways <url...>',
    'IPFS gateways to ask where no peer has a content; trustless-gateway.link and ipfs.io by default, none on a local network'
  ),
  arweaveGateway: setting(
    httpUrl,
    '--arweave-gateway <url>',
    'gateway for inputs and outputs at Arweave; https://arweave.net by default'
  ),
  arweaveWallet: setting(
    text,
    '--arweave-wallet <path>',
    'key file of the wallet that pays for outputs at Arweave; without it such jobs are left to others'
  ),
  retentionHours: setting(
    integer(1, 87_600),
    '--retention-hours <n>',
    'how long results and leases of finished jobs are kept; 168 (a week) by default'
  ),

  logLevel: setting(
    choice('trace', 'debug', 'info', 'warn', 'error', 'silent'),
    '--log-level <level>',
    'trace, debug, info, warn, error or silent; info by default'
  ),
  logFormat: setting(
    choice('auto', 'pretty', 'json'),
    '--log-format <format>',
    'auto (pretty on a terminal), pretty or json'
  )
}

export type SettingName = keyof typeof settings
export type Settings = { [K in SettingName]?: (typeof settings)[K] extends Setting<infer T> ? T : never }

/** Where the commands that only ask and pay look: the network, the account, the logs. */
export const clientSettings: SettingName[] = [
  'networkFile',
  'chainId',
  'rpcUrl',
  'subgraphUrl',
  'oracle',
  'registry',
  'accountIndex',
  'keystore',
  'passwordFile',
  'logLevel',
  'logFormat'
]

export function variableName(name: string): string {
  return `BUFFALO_${name.replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()}`
}

export function flagName(name: SettingName): string {
  return settings[name].flag?.split(' ')[0] ?? variableName(name)
}
