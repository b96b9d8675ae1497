import { delay } from '../../../src/interface/abort.js'
import type { Clock } from '../../../src/interface/clock.js'
import type { Logger } from '../../../src/interface/logger.js'
import type { Startable } from '../../../src/interface/startable.js'
import { createBlockChanges } from './block-changes.js'
import { type BlockPointer, createBlockHistory } from './block-history.js'
import type { EntityStore } from './entity-store.js'
import { decodeEvent } from './event.js'
import { MappingError } from './host-functions.js'
import type { DataSource, EventHandler, Subgraph } from './manifest.js'
import { createMapping, type Mapping } from './mapping.js'
import type { ChainBlock, ChainLog, ChainRpc } from './rpc.js'
import { webAssembly } from './web-assembly.js'

/** What queries ask of the indexer. */
export interface IndexerState {
  /** The newest block whose entities are in the store; undefined before the first. */
  head(): BlockPointer | undefined
  /** The oldest block that queries can be made at. */
  earliestBlock(): number
  /** The block of a hash, among those whose hashes are kept. */
  blockByHash(hash: string): BlockPointer | undefined
  /** Set where a handler failed: the subgraph stays at the block before. */
  failure(): { block: number; message: string } | undefined
}

export interface Indexer extends IndexerState, Startable {
  /** Resolves once block `number` or a later one is indexed. Rejects with the signal's reason. */
  waitForBlock(number: number, signal?: AbortSignal): Promise<void>
}

export interface IndexerInit {
  subgraph: Subgraph
  store: EntityStore
  rpc: ChainRpc
  pollIntervalMs: number
  /** How many blocks back queries and reorgs can reach. */
  historyBlocks: number
  logger: Logger
  clock: Clock
}

/** Blocks in one request for logs: within the limits of public endpoints, and a bound on what is in memory at once. */
const maxRangeBlocks = 500
/** Blocks compared in one step of the search for the last common block. */
const reorgStepBlocks = 32
const maxRetryDelayMs = 5_000

interface Route extends EventHandler {
  dataSource: DataSource
  mapping: Mapping
}

/** Follows the chain block by block, and runs the subgraph's handlers on its logs. */
export function createIndexer(init: IndexerInit): Indexer {
  const { subgraph, store, rpc, pollIntervalMs, historyBlocks, logger, clock } = init
  const { schema, dataSources } = subgraph
  const startBlock = Math.min(...dataSources.map(dataSource => dataSource.startBlock))

  /** By address and first topic. */
  const routes = new Map<string, Route>()
  for (const dataSource of dataSources) {
    const wasm = new webAssembly.Module(dataSource.wasm)
    const mapping = createMapping({
      dataSource,
      wasm,
      schema,
      logger: logger.child({ name: dataSource.name })
    })
    for (const handler of dataSource.handlers) {
      routes.set(`${dataSource.address} ${handler.topic}`, { ...handler, dataSource, mapping })
    }
  }
  const addresses = [...new Set(dataSources.map(dataSource => dataSource.address))]
  const topics = [...new Set([...routes.values()].map(route => route.topic))]

  const history = createBlockHistory(historyBlocks)
  let earliest = startBlock
  let failure: { block: number; message: string } | undefined

  const waiters = new Set<{ number: number; resolve: () => void }>()
  let running: { controller: AbortController; done: Promise<void> } | undefined
  let outageSince: number | undefined

  function remember(block: ChainBlock): void {
    const head = history.push(block)
    if (head.number - historyBlocks > earliest) {
      earliest = head.number - historyBlocks
      store.prune(earliest)
    }
    for (const waiter of waiters) {
      if (waiter.number <= head.number) waiter.resolve()
    }
  }

  function rollback(to: BlockPointer | undefined): void {
    logger.info(
      { from: history.head()?.number, to: to?.number ?? 'the start' },
      'the chain was reorganised: rolled back'
    )
    history.rollback(to)
    if (to === undefined) {
      store.clear()
      earliest = startBlock
    } else {
      store.rollback(to.number)
    }
    failure = undefined
  }

  /** The newest block that this indexer and the chain have in common, at or below `highest`. */
  async function commonBlock(highest: number, signal: AbortSignal): Promise<BlockPointer | undefined> {
    const known = history.below(highest)
    for (let start = 0; start < known.length; start += reorgStepBlocks) {
      const candidates = known.slice(start, start + reorgStepBlocks)
      const wanted = candidates.map(({ number }) => ({ number, transactions: false }))
      const found = await rpc.blocks(wanted, signal)
      const common = candidates.find((candidate, index) => found[index]?.hash === candidate.hash)
      if (common !== undefined) return common
    }
    return undefined
  }

  /** One step towards the chain's head. Returns whether there may be more to do at once. */
  async function step(signal: AbortSignal): Promise<boolean> {
    const latest = await rpc.latestBlock(signal)
    const latestNumber = Number(latest.number)
    const head = history.head()
    if (head?.hash === latest.hash) return false
    // At the same height or below the head there is another chain; and a failed block is tried again on another one.
    if (head !== undefined && (latestNumber <= head.number || failure !== undefined)) {
      return await followReorg(Math.min(latestNumber, head.number), signal)
    }
    if (failure !== undefined) return false

    const fromBlock = head === undefined ? startBlock : head.number + 1
    if (fromBlock > latestNumber) return false
    const toBlock = Math.min(latestNumber, fromBlock + maxRangeBlocks - 1)
    const logs = await rpc.logs({ addresses, topics, fromBlock, toBlock }, signal)
    const logsByBlock = Map.groupBy(logs, log => Number(log.blockNumber))

    // Empty blocks far below the head need no header: no query and no reorg reaches them.
    const numbers: number[] = []
    for (let number = fromBlock; number <= toBlock; number++) {
      if (logsByBlock.has(number) || number > latestNumber - historyBlocks || number === toBlock)
        numbers.push(number)
    }
    const wanted = numbers.map(number => ({ number, transactions: logsByBlock.has(number) }))
    const found = await rpc.blocks(wanted, signal)
    signal.throwIfAborted()

    for (const [index, number] of numbers.entries()) {
      const block = found[index]
      const blockLogs = logsByBlock.get(number) ?? []
      const before = history.head()
      const follows = before === undefined || number > before.number + 1 || block?.parentHash === before.hash
      if (block === undefined || !follows || blockLogs.some(log => log.blockHash !== block.hash)) {
        // The chain changed, before this step or under its hands.
        return before === undefined ? false : await followReorg(before.number, signal)
      }
      if (!indexBlock(block, blockLogs)) return false
    }
    return toBlock < latestNumber
  }

  /** Rolls back to the newest block at or below `highest` that is still on chain. Returns whether that changed anything. */
  async function followReorg(highest: number, signal: AbortSignal): Promise<boolean> {
    const common = await commonBlock(highest, signal)
    signal.throwIfAborted()
    if (common?.hash === history.head()?.hash) return false
    rollback(common)
    return true
  }

  /** Runs the handlers of a block. Returns false where one of them failed. */
  function indexBlock(block: ChainBlock, logs: ChainLog[]): boolean {
    const number = Number(block.number)
    const changes = createBlockChanges(schema, store)
    try {
      for (const log of [...logs].sort((a, b) => Number(a.logIndex - b.logIndex)))
        runHandler(block, log, changes)
      store.commit(number, changes.writes())
    } catch (error) {
      if (!(error instanceof MappingError) && !(error instanceof TypeError)) throw error
      failure = { block: number, message: error.message }
      logger.error(
        { err: error, block: number },
        'a handler of the subgraph failed: indexing stops before this block'
      )
      return false
    }
    remember(block)
    return true
  }

  function runHandler(
    block: ChainBlock,
    log: ChainLog,
    changes: ReturnType<typeof createBlockChanges>
  ): void {
    const route = routes.get(`${log.address} ${log.topics[0]}`)
    if (route === undefined || Number(log.blockNumber) < route.dataSource.startBlock) return
    const transaction = block.transactions.find(
      item => typeof item === 'object' && item.hash === log.transactionHash
    )
    if (typeof transaction !== 'object') {
      throw new MappingError(
        `block ${block.hash} holds a log of ${log.transactionHash}, and not that transaction`
      )
    }
    let parameters: ReturnType<typeof decodeEvent>
    try {
      parameters = decodeEvent(route.fragment, log)
    } catch (error) {
      // As graph-node: a log that only looks like the event is no event.
      logger.warn(
        { err: error, txHash: log.transactionHash, logIndex: Number(log.logIndex) },
        'a log cannot be decoded'
      )
      return
    }
    route.mapping.handle(route.handler, { block, transaction, log, parameters }, changes)
  }

  async function run(signal: AbortSignal): Promise<void> {
    let retryDelayMs = pollIntervalMs
    while (!signal.aborted) {
      let delayMs = pollIntervalMs
      try {
        const more = await step(signal)
        if (more) delayMs = 0
        if (outageSince !== undefined) {
          logger.info({ durationMs: clock.now() - outageSince }, 'the chain can be read again')
          outageSince = undefined
        }
        retryDelayMs = pollIntervalMs
      } catch (error) {
        if (signal.aborted) return
        if (outageSince === undefined) {
          outageSince = clock.now()
          logger.warn({ err: error }, 'the chain cannot be read: trying again')
        }
        delayMs = retryDelayMs
        retryDelayMs = Math.min(retryDelayMs * 2, maxRetryDelayMs)
      }
      if (delayMs > 0) await delay(clock, delayMs, signal).catch(ignoreAbort)
    }
  }

  return {
    head: history.head,
    earliestBlock: () => earliest,
    blockByHash: history.byHash,
    failure: () => failure,
    start() {
      if (running !== undefined) return
      const controller = new AbortController()
      running = { controller, done: run(controller.signal) }
    },
    async stop() {
      const stopping = running
      running = undefined
      stopping?.controller.abort()
      await stopping?.done
    },
    waitForBlock(number, signal) {
      return new Promise((resolve, reject) => {
        signal?.throwIfAborted()
        if ((history.head()?.number ?? -1) >= number) return resolve()
        const waiter = {
          number,
          resolve() {
            waiters.delete(waiter)
            signal?.removeEventListener('abort', abort)
            resolve()
          }
        }
        const abort = () => {
          waiters.delete(waiter)
          reject(signal?.reason)
        }
        signal?.addEventListener('abort', abort, { once: true })
        waiters.add(waiter)
      })
    }
  }
}

/** `stop` ends a wait early; the loop sees the signal itself. */
function ignoreAbort(): void {}
