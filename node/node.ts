import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { PrivateKey } from '@libp2p/interface'
import { loadAccount } from '../src/chain/account.js'
import { chainReader } from '../src/chain/chain-reader.js'
import { contractReader } from '../src/chain/contract-reader.js'
import { type ChainClient, createChainClient } from '../src/chain/provider.js'
import { ensureRegistered } from '../src/chain/registration.js'
import { workerStanding } from '../src/chain/standing.js'
import { submissionChain } from '../src/chain/submission-chain.js'
import { openDatabase } from '../src/db/open.js'
import { pruner } from '../src/db/pruner.js'
import { childProcessExecutor } from '../src/execute/index.js'
import { topicsOf } from '../src/gossip/topic.js'
import {
  type BuffaloError,
  ChainUnavailableError,
  ConfigError,
  type Database,
  type EmitEvent,
  type Logger,
  type SigningAccount,
  type Startable,
  systemClock
} from '../src/interface/index.js'
import { jobKey } from '../src/job/job-key.js'
import { loadOrCreateIdentity, peerKeyOf } from '../src/network/identity.js'
import { createNetwork, type Network } from '../src/network/libp2p.js'
import { libp2pSyncTransport } from '../src/network/sync-transport.js'
import { sequencer } from '../src/sequencer.js'
import { subgraphClient } from '../src/subgraph/index.js'
import { defaultSubmitSettings } from '../src/submit/settings.js'
import { submitter } from '../src/submit/submitter.js'
import { type Timeline, timeline, timelineServer } from '../src/timeline/index.js'
import { type Worker, worker } from '../src/worker.js'
import { fitToChain } from './chain-data.js'
import { cacheFolder } from './config/environment.js'
import type { NodeConfig } from './config/resolve.js'
import { startWorkerContent } from './content.js'
import type { Connections } from './control.js'
import type { ReadyInfo } from './event-relay.js'
import { makeFolder } from './folders.js'
import { createModelCatalog, executorChildModule } from './model-catalog.js'
import { startModelExchange } from './models/exchange.js'
import { addedModelsFolder, offeredModels } from './models/model-paths.js'
import { openSelfTestMemory } from './models/self-test-memory.js'
import { sleep } from './wait.js'

export interface NodeComponents {
  logger: Logger
  /** Told of all that happens to jobs here. */
  emit: EmitEvent
  /** Ends the start. */
  signal: AbortSignal
}

export interface RunningNode {
  ready: ReadyInfo
  connections: Connections
  /** Resolves if it cannot go on: it is to be stopped then. */
  failure: Promise<BuffaloError>
  /** Gracefully: leases are released, running jobs finished or handed on. Safe to repeat. */
  stop(): Promise<void>
}

/** What the parts of both roles stand on. */
interface Base extends NodeComponents {
  config: NodeConfig
  privateKey: PrivateKey
  chain: ChainClient
  database: Database
  /** Whether the database is known to hold all that the key has signed. */
  isContinuous: boolean
  timeline: Timeline
  /** Takes what must be undone at the end, last first. */
  defer(undo: () => void | Promise<void>): void
}

/** What a role's start came to. */
interface Started {
  ready: ReadyInfo
  network: Network
}

/** Between two looks at the chain where something is waited for. */
const chainPollMs = { local: 100, internet: 4_000 }
/** A registration is mined in a block or two; on a busy chain in ten. */
const registrationTimeoutMs = 180_000
/** After a request that failed for all of the client's own attempts. */
const chainRetryMs = 1_000
/** Running jobs and unconfirmed submissions have this long at the end: less than the program's own limit. */
const drainMs = 6_000

/**
 * Starts a node, or undoes what it started and throws. Waits for a chain that is down.
 * Throws ConfigError, IdentityError, DatabaseLockedError, DatabaseVersionError, DatabaseCorruptError, AccountError, WrongChainError, ListenError.
 */
export async function startNode(config: NodeConfig, components: NodeComponents): Promise<RunningNode> {
  const undo: (() => void | Promise<void>)[] = []
  const failed = Promise.withResolvers<BuffaloError>()
  const failing = new AbortController()
  const signal = AbortSignal.any([components.signal, failing.signal])
  const onFailure = (err: BuffaloError): void => {
    failing.abort(err)
    failed.resolve(err)
  }
  const stop = async (): Promise<void> => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) {
      try {
        await step()
      } catch (err) {
        components.logger.warn({ err }, 'a part of the node did not end cleanly')
      }
    }
  }
  try {
    const { privateKey, isNewIdentity } = await openIdentity(config.dataDir)
    const storage = { clock: systemClock, logger: components.logger.child({ name: 'database' }) }
    let opened = await openDatabase({ dataDir: config.dataDir, isNewIdentity }, storage)
    undo.push(() => opened.database.close())
    const { chainId } = config.network
    const account = config.role === 'worker' ? await loadAccount(config.account, chainId) : undefined
    const chain = await connect(config, { ...components, signal }, onFailure)
    undo.push(() => chain.destroy())
    opened = await fitToChain(
      opened,
      { dataDir: config.dataDir, chainId, genesisHash: chain.genesisHash },
      storage
    )
    const { database, compact, isContinuous } = opened
    const pruning = pruner({ retentionMs: config.retentionMs })({ database, compact, ...storage })
    pruning.start()
    undo.push(() => pruning.stop())

    const history = timeline({ ageMs: config.retentionMs })({
      database,
      clock: systemClock,
      logger: components.logger.child({ name: 'timeline' })
    })
    await history.start()
    undo.push(() => history.stop())

    const base: Base = {
      ...components,
      signal,
      chain,
      emit(event) {
        history.record(event)
        components.emit(event)
      },
      config,
      privateKey,
      database,
      isContinuous,
      timeline: history,
      defer: step => undo.push(step)
    }
    const { ready, network } =
      account === undefined ? await startSequencer(base) : await startWorker(base, account)
    return { ready, connections: connectionsOf(network), failure: failed.promise, stop }
  } catch (err) {
    await stop()
    throw err
  }
}

async function startSequencer(base: Base): Promise<Started> {
  const { config, privateKey, database, chain, logger, emit } = base
  const { network: identity, timing, pollIntervalMs } = config
  // Jobs come from the subgraph alone; the chain tells who is a worker.
  const network = await joinNetwork(base)

  const service = sequencer({ network: identity, timing, pollIntervalMs })({
    pubsub: network.pubsub,
    sync: libp2pSyncTransport({ libp2p: network.libp2p, logger: logger.child({ name: 'sync' }) }),
    privateKey,
    database,
    chain: chainReader({ network: identity })({ rpc: chain.rpc, clock: systemClock, jobKey }),
    subgraph: subgraphClient({ url: config.subgraph })({ clock: systemClock }),
    clock: systemClock,
    logger,
    emit
  })
  await run(base, service)
  return { ready: readyInfo(config, network, undefined), network }
}

async function startWorker(base: Base, account: SigningAccount): Promise<Started> {
  const { config, privateKey, database, chain, logger, emit, signal } = base
  const { network: identity, timing } = config
  const clock = systemClock

  // A model that this machine cannot run is not offered.
  const manifests = config.models ?? (await offeredModels(config.dataDir))
  const modelLog = logger.child({ name: 'models' })
  const memory = await openSelfTestMemory(join(cacheFolder(), 'self-tests'))
  const catalog = await createModelCatalog({ manifests, memory, logger: modelLog })
  const executor = childProcessExecutor({
    childModule: executorChildModule(),
    // With those that are fetched later.
    childArguments: [...new Set([...manifests, await madeFolder(addedModelsFolder(config.dataDir))])],
    concurrency: config.capacity,
    timeoutMs: config.executionTimeoutMs,
    memoryBytes: config.executionMemoryMb * 1024 * 1024
  })({ logger: logger.child({ name: 'executor' }), clock })
  await executor.start()
  base.defer(() => executor.stop())
  await catalog.selfTest(executor, { signal })
  if (catalog.models().length === 0 && config.fetchModelsMb === 0) {
    throw new ConfigError(
      'No model passed its self-test, so this worker could do nothing: see the log, and --models'
    )
  }

  // Before anything costs gas: a port that is in use is noticed here.
  const network = await joinNetwork(base)

  // Others believe this node's presence only once the registry binds the account to its key.
  await untilReached(signal, () =>
    ensureRegistered(chain, account, peerKeyOf(privateKey), {
      pollIntervalMs: chainPollMs[config.timingName],
      timeoutMs: registrationTimeoutMs,
      replace: config.replaceRegistration,
      maxFeePerGas: config.submit.maxFeePerGas ?? defaultSubmitSettings.maxFeePerGas,
      clock,
      log: logger.child({ name: 'registration' }),
      signal
    })
  )

  let service: Worker | undefined
  const content = await startWorkerContent(config, {
    network,
    isWorker: peer => service?.isRegistered(peer) ?? false,
    clock,
    logger: logger.child({ name: 'content' }),
    defer: base.defer
  })
  const models = await startModelExchange(config, {
    content: content.content,
    catalog,
    executor,
    clock,
    logger: modelLog,
    defer: base.defer
  })

  service = worker({
    network: identity,
    timing,
    account: account.address,
    capacity: config.capacity,
    unservedAfterMs: config.unservedAfterMs,
    isContinuous: base.isContinuous,
    drainMs
  })({
    pubsub: network.pubsub,
    sync: libp2pSyncTransport({ libp2p: network.libp2p, logger: logger.child({ name: 'sync' }) }),
    privateKey,
    database,
    chain: chainReader({ network: identity })({ rpc: chain.rpc, clock, jobKey }),
    contracts: contractReader({ network: identity })({
      rpc: chain.rpc,
      clock,
      logger: logger.child({ name: 'contracts' })
    }),
    executor,
    catalog: models,
    content: content.jobs,
    createSubmitter: handlers =>
      submitter({ ...config.submit, isContinuous: base.isContinuous })({
        database,
        chain: submissionChain({ network: identity, rpc: chain.rpc }),
        account,
        standing: workerStanding({
          network: identity,
          account: account.address,
          peerKey: peerKeyOf(privateKey)
        })({ rpc: chain.rpc }),
        clock,
        emit,
        handlers,
        log: logger.child({ name: 'submitter' })
      }),
    clock,
    logger,
    emit
  })
  await run(base, service)
  return { ready: readyInfo(config, network, account.address), network }
}

async function madeFolder(path: string): Promise<string> {
  await makeFolder(path)
  return path
}

/** Tries again while the chain does not answer, which its client says by itself. */
async function untilReached<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (err) {
      if (!(err instanceof ChainUnavailableError)) throw err
    }
    await sleep(chainRetryMs, signal)
  }
}

async function openIdentity(dataDir: string): Promise<{ privateKey: PrivateKey; isNewIdentity: boolean }> {
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
function connect(
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

async function joinNetwork({ config, privateKey, timeline, logger, defer }: Base): Promise<Network> {
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
  return network
}

async function run({ defer }: Base, service: Startable): Promise<void> {
  defer(() => service.stop())
  await service.start()
}

function connectionsOf({ gate, peers, disconnect }: Network): Connections {
  return {
    peers,
    async deny(peerId) {
      gate.deny(peerId)
      await disconnect(peerId)
    },
    undeny: gate.undeny
  }
}

function readyInfo(config: NodeConfig, network: Network, account: ReadyInfo['account']): ReadyInfo {
  return {
    role: config.role,
    peerId: network.peerId,
    addresses: network.addresses(),
    account,
    pid: process.pid
  }
}
