import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type AnyTask,
  cidOfBytes,
  cidOfLocation,
  createModelRegistry,
  dataFolder,
  type ManifestDocument,
  type ModelRegistry,
  readManifest,
  readManifests,
  readTestFile
} from '../models/index.js'
import {
  BuffaloError,
  ConfigError,
  type Executor,
  failureName,
  type Logger,
  type ModelCatalog,
  type OutputContent,
  OutputFormat,
  type TestVector
} from '../src/interface/index.js'

export interface ModelCatalogInit {
  /** Manifest files, or folders that hold `*.manifest.json`. Default: all of the models in the package. */
  manifests?: string[]
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
}

/** Throws ManifestError for a manifest that breaks its schema, ConfigError for a path that does not exist. */
export async function createModelCatalog({
  manifests = [],
  logger
}: ModelCatalogInit): Promise<TestedModelCatalog> {
  const { registry, documents } = await knownModels(manifests)
  const passed = new Set<string>()
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
        const { name } = document.manifest
        const fault = await findFault(document, registry, executor, signal)
        if (fault === undefined) {
          passed.add(document.cid)
          logger.info({ model: name, manifest: document.cid }, 'The model passed its self-test')
        } else {
          passed.delete(document.cid)
          logger.error(
            { model: name, manifest: document.cid, fault },
            'The model is not offered: its self-test failed'
          )
        }
      }
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

/** Reads the manifests at the given paths, or those of the package if there are none. */
export async function knownModels(paths: string[]): Promise<KnownModels> {
  const registry = await createModelRegistry()
  const documents =
    paths.length === 0 ? registry.manifests() : (await Promise.all(paths.map(readPath))).flat()
  return { registry, documents: new Map(documents.map(document => [document.cid, document])) }
}

async function readPath(file: string): Promise<ManifestDocument[]> {
  const found = await stat(file).catch((err: unknown) => {
    throw new ConfigError(`The manifest ${path.resolve(file)} cannot be read: name a file or a folder`, {
      cause: err
    })
  })
  return found.isDirectory() ? readManifests(file) : [await readManifest(file)]
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

async function failedVector(
  document: ManifestDocument,
  task: AnyTask,
  { input, seed, reads = [], expected }: TestVector,
  executor: Executor,
  signal: AbortSignal
): Promise<string | undefined> {
  const outcome = await executor.execute(
    {
      // No job has this key: it only names the run.
      job: { key: '0'.repeat(64), category: task.category, seed, outputFormat: OutputFormat.Raw },
      manifest: document.cid,
      input: { encoding: 'content', bytes: await readTestFile(document, input) },
      reads: reads.map(read => Buffer.from(read.slice(2), 'hex')),
      output: 'content',
      // Compared where the model runs: what a stranger's model made is not decoded here.
      expected:
        typeof expected === 'string'
          ? undefined
          : { bytes: await readTestFile(document, expected.file), tolerance: expected.tolerance }
    },
    { signal }
  )
  if (!outcome.success) {
    return `${failureName(outcome.code)}: ${outcome.reason}`
  }
  const found = comparable(task, outcome.content)
  return typeof expected !== 'string' || found === expected
    ? undefined
    : `the output is ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`
}

/** What a test vector's `expected` says of an output: the text of a text, the CID of everything else. */
export function comparable(task: AnyTask, content: OutputContent | undefined): string {
  const bytes = content?.bytes ?? new Uint8Array()
  return task.output.type === 'text' ? new TextDecoder().decode(bytes) : cidOfBytes(bytes)
}
