import { hostname } from 'node:os'
import { join } from 'node:path'
import { loadAccount } from '../src/chain/account.js'
import { chainReader } from '../src/chain/chain-reader.js'
import { contractReader } from '../src/chain/contract-reader.js'
import { ensureRegistered } from '../src/chain/registration.js'
import { workerStanding } from '../src/chain/standing.js'
import { submissionChain } from '../src/chain/submission-chain.js'
import { openDatabase } from '../src/db/open.js'
import { pruner } from '../src/db/pruner.js'
import { childProcessExecutor } from '../src/execute/index.js'
import {
  type BuffaloError,
  ChainUnavailableError,
  ConfigError,
  type Logger,
  type SigningAccount,
  systemClock
} from '../src/interface/index.js'
import { jobKey } from '../src/job/job-key.js'
import { peerIdOf, peerKeyOf } from '../src/network/identity.js'
import type { Network } from '../src/network/libp2p.js'
import { libp2pSyncTransport } from '../src/network/sync-transport.js'
import { sequencer } from '../src/sequencer.js'
import { subgraphClient } from '../src/subgraph/index.js'
import { defaultSubmitSettings } from '../src/submit/settings.js'
import { submitter } from '../src/submit/submitter.js'
import { timeline } from '../src/timeline/index.js'
import { type Worker, worker } from '../src/worker.js'
import {
  type Base,
  chainPollMs,
  connect,
  joinNetwork,
  type NodeComponents,
  openIdentity,
  run
} from './base.js'
import { fitToChain } from './chain-data.js'
import { cacheFolder } from './config/environment.js'
import { devChainId, type NodeConfig } from './config/resolve.js'
import { startWorkerContent } from './content.js'
import type { Connections } from './control.js'
import { devWallet } from './devnet/accounts.js'
import type { ReadyInfo } from './event-relay.js'
import { makeFolder } from './folders.js'
import { createModelCatalog, executorChildModule } from './model-catalog.js'
import { startModelExchange } from './models/exchange.js'
import { addedModelsFolder, offeredModels } from './models/model-paths.js'
import { openSelfTestMemory } from './models/self-test-memory.js'
import { packageVersion } from './paths.js'
import type { NodeStatus } from './status/node-status.js'
import { statusFile } from './status/status-file.js'
import { type StatusKeeper, statusKeeper } from './status/status-keeper.js'
import { sleep } from './wait.js'

export interface RunningNode {
  ready: ReadyInfo
  connections: Connections
  /** How it is now. */
  status(): NodeStatus
  /** Resolves if it cannot go on: it is to be stopped then. */
  failure: Promise<BuffaloError>
  /** Gracefully: leases are released, running jobs finished or handed on. Safe to repeat. */
  stop(): Promise<void>
}

/** What a role's start came to. */
interface Started {
  ready: ReadyInfo
  network: Network
}

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
  let status: StatusKeeper | undefined
  const onFailure = (err: BuffaloError): void => {
    status?.onFailure(err)
    failing.abort(err)
    failed.resolve(err)
  }
  const stop = async (): Promise<void> => {
    status?.onStopping()
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
    // Not before: another node may run in this data directory, and the file is its own then.
    const keeper = await keepStatus(config, peerKeyOf(privateKey), components)
    status = keeper
    undo.push(() => keeper.stop())
    const { chainId } = config.network
    const account = config.role === 'worker' ? await loadAccount(config.account, chainId) : undefined
    keeper.onStep('waiting for the chain')
    const chain = await connect(config, { ...components, signal }, onFailure)
    undo.push(() => chain.destroy())
    opened = await fitToChain(
      opened,
      { dataDir: config.dataDir, chainId, genesisHash: chain.genesisHash },
      storage
    )
    const { database, compact, isContinuous } = opened
    keeper.add({ chain, disk: database.writable })
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
        keeper.onEvent(event)
        components.emit(event)
      },
      config,
      privateKey,
      database,
      isContinuous,
      timeline: history,
      status: keeper,
      defer: step => undo.push(step)
    }
    const { ready, network } =
      account === undefined ? await startSequencer(base) : await startWorker(base, account)
    keeper.onReady()
    return {
      ready,
      connections: connectionsOf(network),
      status: keeper.status,
      failure: failed.promise,
      stop
    }
  } catch (err) {
    if (!components.signal.aborted) status?.onFailure(err)
    await stop()
    throw err
  }
}

async function keepStatus(
  { role, network, dataDir }: NodeConfig,
  peerKey: string,
  { logger }: NodeComponents
): Promise<StatusKeeper> {
  const keeper = statusKeeper({
    pid: process.pid,
    host: hostname(),
    version: packageVersion(),
    role,
    peerId: peerIdOf(peerKey).toString(),
    network
  })({
    file: statusFile(dataDir),
    clock: systemClock,
    logger: logger.child({ name: 'status' }),
    rss: () => process.memoryUsage.rss()
  })
  await keeper.start()
  return keeper
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
  base.status.add({ sequencer: service })
  await run(base, service)
  return { ready: readyInfo(config, network, undefined), network }
}

async function startWorker(base: Base, account: SigningAccount): Promise<Started> {
  const { config, privateKey, database, chain, logger, emit, signal } = base
  const { network: identity, timing } = config
  const clock = systemClock
  warnOfPayer(account, identity.chainId, logger)

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
  base.status.onStep('testing its models')
  await catalog.selfTest(executor, { signal })
  if (catalog.models().length === 0 && config.fetchModelsMb === 0) {
    throw new ConfigError(
      'No model passed its self-test, so this worker could do nothing: see the log, and --models'
    )
  }

  // Before anything costs gas: a port that is in use is noticed here.
  const network = await joinNetwork(base)

  base.status.onStep('registering its account')
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
  base.status.add({
    worker: {
      status: service.status,
      models: () => models.models(),
      account: account.address,
      capacity: config.capacity
    }
  })
  await run(base, service)
  return { ready: readyInfo(config, network, account.address), network }
}

/** Two writers of one account's nonces get in each other's way, whichever way the key was named. */
function warnOfPayer({ address }: SigningAccount, chainId: number, logger: Logger): void {
  if (chainId !== devChainId || address !== devWallet(0).address) return
  logger.warn(
    { account: address },
    `Account ${address} is development account 0, which deploys the contracts and pays for jobs by default: its transactions and this worker's get in each other's way. Give the worker another, with --account-index 1 or above`
  )
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
