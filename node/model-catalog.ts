import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  cidOfLocation,
  createModelRegistry,
  dataFolder,
  type ManifestDocument,
  type ModelRegistry,
  openModelFiles,
  readAllManifests
} from '../models/index.js'
import {
  BuffaloError,
  type Executor,
  type Logger,
  type ManifestError,
  type ModelCatalog
} from '../src/interface/index.js'
import { findManifests } from './models/model-paths.js'
import type { SelfTestMemory } from './models/self-test-memory.js'
import { failedVector } from './models/test-vectors.js'

export interface ModelCatalogInit {
  /** Manifest files, or folders that hold `*.manifest.json`. Default: all of the models in the package. */
  manifests?: string[]
  /** Models that it holds are not tested again. */
  memory?: SelfTestMemory | undefined
  logger: Logger
}

/** The models of one worker. */
export interface TestedModelCatalog extends ModelCatalog {
  /** The manifests that it was given, tested or not. */
  documents(): ManifestDocument[]
  /**
   * Runs each model on its test vectors, and offers from then on those that pass. Rejects with the signal's reason
   * if it is aborted.
   */
  selfTest(executor: Executor, options: { signal: AbortSignal }): Promise<void>
  /** Runs a further model on its test vectors, and offers it if it passes: then it is true. */
  add(document: ManifestDocument, executor: Executor, options: { signal: AbortSignal }): Promise<boolean>
  /** Offers a model no more, and forgets its manifest. Does nothing for one that is not there. */
  remove(cid: string): void
}

/** A manifest that breaks its schema is logged and left out. Throws ConfigError for a path that does not exist. */
export async function createModelCatalog({
  manifests = [],
  memory,
  logger
}: ModelCatalogInit): Promise<TestedModelCatalog> {
  const { registry, documents } = await knownModels(manifests, err =>
    logger.error({ err }, 'A model is not offered: its manifest cannot be used')
  )
  const passed = new Set<string>()

  async function test(document: ManifestDocument, executor: Executor, signal: AbortSignal): Promise<void> {
    const { name } = document.manifest
    const isKnown = memory?.has(document.cid) === true
    const fault = isKnown
      ? await findFileFault(document)
      : await findFault(document, registry, executor, signal)
    if (fault === undefined) {
      passed.add(document.cid)
      if (!isKnown) {
        await memory?.remember(document.cid)
      }
      logger.info({ model: name, manifest: document.cid, earlier: isKnown }, 'The model passed its self-test')
    } else {
      passed.delete(document.cid)
      logger.error(
        { model: name, manifest: document.cid, fault },
        'The model is not offered: its self-test failed'
      )
    }
  }

  return {
    models: () => [...passed],
    knowsTask: category => registry.tasks().some(task => task.category === category),
    resolve: cidOfLocation,
    reads(cid, { encoding, bytes }) {
      const document = documents.get(cid)
      const task = document && registry.task(document.manifest.task)
      if (document === undefined || task?.reads === undefined) {
        return []
      }
      return task.reads(
        encoding === 'abi' ? task.input.decode(bytes) : task.input.fromContent(bytes),
        document.manifest
      )
    },
    documents: () => [...documents.values()],
    async selfTest(executor, { signal }) {
      for (const document of documents.values()) {
        await test(document, executor, signal)
      }
    },
    async add(document, executor, { signal }) {
      documents.set(document.cid, document)
      await test(document, executor, signal)
      return passed.has(document.cid)
    },
    remove(cid) {
      passed.delete(cid)
      documents.delete(cid)
    }
  }
}

/** Path of the module that childProcessExecutor starts; its arguments are the catalog's `manifests`. */
export function executorChildModule(): string {
  const built = fileURLToPath(new URL('./executor-child.js', import.meta.url))
  // Under a test runner this module is a TypeScript source; a child process needs what was built of it.
  return existsSync(built) ? built : path.join(path.dirname(dataFolder), 'dist/node/executor-child.js')
}

export interface KnownModels {
  registry: ModelRegistry
  /** By CID. */
  documents: Map<string, ManifestDocument>
}

/**
 * Reads the manifests at the given paths (files, or folders and what lies right below them), or those of the package if there
 * are none. Throws ConfigError for a path that does not exist, ManifestError for a manifest that breaks its schema; with
 * `onFault` such a manifest is left out.
 */
export async function knownModels(
  paths: string[],
  onFault?: (err: ManifestError) => void
): Promise<KnownModels> {
  const registry = await createModelRegistry({ onFault })
  const files = (await Promise.all(paths.map(findManifests))).flat()
  const documents = paths.length === 0 ? registry.manifests() : await readAllManifests(files, onFault)
  return { registry, documents: new Map(documents.map(document => [document.cid, document])) }
}

/** What is wrong with a model's files, in words; undefined if nothing is. */
async function findFileFault(document: ManifestDocument): Promise<string | undefined> {
  try {
    await openModelFiles(document)
    return undefined
  } catch (err) {
    if (err instanceof BuffaloError) {
      return err.message
    }
    throw err
  }
}

/** What is wrong with a model, in words; undefined if nothing is. */
async function findFault(
  document: ManifestDocument,
  registry: ModelRegistry,
  executor: Executor,
  signal: AbortSignal
): Promise<string | undefined> {
  const { task: taskName, testVectors } = document.manifest
  if (testVectors.length === 0) {
    return 'its manifest has no test vectors'
  }
  try {
    const task = registry.task(taskName)
    for (const vector of testVectors) {
      const fault = await failedVector(document, task, vector, executor, signal)
      if (fault !== undefined) {
        return `${vector.input}: ${fault}`
      }
    }
    return undefined
  } catch (err) {
    signal.throwIfAborted()
    if (err instanceof BuffaloError) {
      return err.message
    }
    throw err
  }
}
