import { createModelRegistry } from '../../models/index.js'
import type { Content } from '../../src/content/index.js'
import type { Clock, Executor, Logger, ModelCatalog } from '../../src/interface/index.js'
import type { NodeConfig } from '../config/resolve.js'
import type { TestedModelCatalog } from '../model-catalog.js'
import { modelFetcher } from './fetch.js'
import { shareModel } from './share.js'

export interface ModelExchangeComponents {
  content: Content
  catalog: TestedModelCatalog
  executor: Executor
  clock: Clock
  logger: Logger
  /** Takes what must be undone at the end, last first. */
  defer(undo: () => void | Promise<void>): void
}

/**
 * Shares a worker's models with peers, and gets those that jobs ask for, where the operator allows it.
 * @returns the catalog as the worker is to use it
 */
export async function startModelExchange(
  config: Pick<NodeConfig, 'dataDir' | 'fetchModelsMb'>,
  { content, catalog, executor, clock, logger, defer }: ModelExchangeComponents
): Promise<ModelCatalog> {
  const stopping = new AbortController()
  const offered = new Set(catalog.models())
  const sharing = shareAll()
  defer(async () => {
    stopping.abort(new Error('The node stops'))
    await sharing
  })

  /** In the background: hashing some hundred megabytes takes a second. */
  async function shareAll(): Promise<void> {
    for (const document of catalog.documents()) {
      if (stopping.signal.aborted) return
      if (offered.has(document.cid)) await shareModel(document, { content, logger })
    }
  }

  if (config.fetchModelsMb === 0) return catalog
  const registry = await createModelRegistry({
    onFault: err => logger.debug({ err }, 'a manifest cannot be used')
  })
  const isKnown = (cid: string): boolean =>
    catalog.models().includes(cid) || catalog.documents().some(document => document.cid === cid)
  const fetcher = modelFetcher({
    dataDir: config.dataDir,
    maxBytes: config.fetchModelsMb * 1024 * 1024
  })({
    content,
    async checkArchitecture(task, architecture) {
      await registry.architecture(task, architecture)
    },
    onFetched: document => catalog.add(document, executor, { signal: stopping.signal }),
    onDropped: catalog.remove,
    isRefused: cid => !catalog.models().includes(cid) && isKnown(cid),
    clock,
    logger
  })
  await fetcher.start()
  defer(() => fetcher.stop())
  return {
    ...catalog,
    // Called for each job that comes: what it names is wanted.
    resolve(location) {
      const cid = catalog.resolve(location)
      if (cid !== undefined && !isKnown(cid)) fetcher.want(cid)
      return cid
    },
    isComing: fetcher.isComing
  }
}
