import { join } from 'node:path'
import type { Address } from '../../../src/interface/bytes.js'
import { type Clock, systemClock } from '../../../src/interface/clock.js'
import type { Logger } from '../../../src/interface/logger.js'
import type { Startable } from '../../../src/interface/startable.js'
import { packageRoot } from '../../paths.js'
import { createApiSchema } from './api-schema.js'
import type { BlockPointer } from './block-history.js'
import { createEntityStore } from './entity-store.js'
import { createIndexer } from './indexer.js'
import { readSubgraph } from './manifest.js'
import { createChainRpc } from './rpc.js'
import { createQueryServer } from './server.js'

export type { BlockPointer } from './block-history.js'

export interface SubgraphRunnerInit {
  rpcUrl: string
  addresses: { oracle: Address; registry: Address }
  /** The first block that is indexed: that of the contracts' deployment, or any before. */
  startBlock: number
  /** On 127.0.0.1. Default 0: any free port. */
  listenPort?: number
  /** Default 200. */
  pollIntervalMs?: number
  /** How many blocks below the head queries and reorgs can reach; a deeper reorg indexes all anew. Default 2,000. */
  historyBlocks?: number
  /** The built subgraph. Default: that of this package. */
  buildDir?: string
  logger: Logger
  clock?: Clock
}

/** Stands in for graph-node on a local network: the compiled mapping and The Graph's query language, in this process. */
export interface SubgraphRunner extends Startable {
  /** Where queries go. Throws before `start`. */
  readonly url: string
  /** The newest indexed block. */
  head(): BlockPointer | undefined
  /** Resolves once block `number` or a later one is indexed. Rejects with the signal's reason. */
  waitForBlock(number: number, signal?: AbortSignal): Promise<void>
}

/** Reads the built subgraph. Throws ConfigError where there is none. Everything indexed lives in memory. */
export async function createSubgraphRunner(init: SubgraphRunnerInit): Promise<SubgraphRunner> {
  const { rpcUrl, addresses, startBlock, logger, clock = systemClock } = init
  const buildDir = init.buildDir ?? join(packageRoot, 'subgraph', 'build')
  const byDataSource = { Oracle: addresses.oracle, WorkerRegistry: addresses.registry }
  const subgraph = await readSubgraph(buildDir, byDataSource, startBlock)
  const { schema, deployment } = subgraph

  const store = createEntityStore()
  const indexer = createIndexer({
    subgraph,
    store,
    rpc: createChainRpc({ rpcUrl }),
    pollIntervalMs: init.pollIntervalMs ?? 200,
    historyBlocks: init.historyBlocks ?? 2_000,
    logger,
    clock
  })
  const server = createQueryServer({
    schema: createApiSchema({ schema, store, state: indexer, deployment }),
    state: indexer,
    deployment,
    port: init.listenPort ?? 0,
    logger
  })

  return {
    get url() {
      return server.url
    },
    head: indexer.head,
    waitForBlock: indexer.waitForBlock,
    async start() {
      await server.start()
      await indexer.start()
    },
    async stop() {
      await indexer.stop()
      await server.stop()
    }
  }
}
