import {
  createModelRegistry,
  type ManifestDocument,
  openModelFiles,
  readManifest
} from '../../models/index.js'
import { childProcessExecutor } from '../../src/execute/index.js'
import { BuffaloError, type Executor, type Logger, systemClock } from '../../src/interface/index.js'
import { executorChildModule } from '../model-catalog.js'
import { prepareExpectedFiles, sealFiles, sealOutputs } from './seal.js'
import { failedVector } from './test-vectors.js'

export interface CheckInit {
  /** Of the manifest. */
  path: string
  /** Fills in hashes, sizes and expected outputs, and writes the manifest. */
  write: boolean
  timeoutMs: number
  memoryMb: number
  logger: Logger
  signal: AbortSignal
  progress(line: string): void
}

export interface VectorReport {
  input: string
  seed: string
  ok: boolean
  fault: string | null
  durationMs: number
}

export interface CheckReport {
  document: ManifestDocument
  vectors: VectorReport[]
  /** What does not keep the model from being offered, and should be mended. */
  warnings: string[]
  /** Why no worker would offer it; empty for a good model. */
  faults: string[]
}

/** Does with one model what a worker does before it offers it. Throws ManifestError, NotFoundError, InterruptedError. */
export async function checkModel(init: CheckInit): Promise<CheckReport> {
  const { path, write, signal, progress } = init
  const registry = await createModelRegistry({ onFault: () => undefined })
  if (write) {
    progress('Hashing the files')
    await prepareExpectedFiles(path)
    const draft = await sealFiles(path)
    progress('Running the test vectors')
    await withExecutor(init, [path], executor => sealOutputs(draft, registry, executor, signal))
    await sealFiles(path)
  }
  const document = await readManifest(path)
  const { manifest } = document
  const task = registry.task(manifest.task)
  await registry.architecture(manifest.task, manifest.architecture)
  await openModelFiles(document)
  const vectors = await withExecutor(init, [path], async executor => {
    const reports: VectorReport[] = []
    for (const vector of manifest.testVectors) {
      progress(`Running ${vector.input}`)
      const startedAtMs = performance.now()
      const fault = await failedVector(document, task, vector, executor, signal).catch((err: unknown) => {
        signal.throwIfAborted()
        if (err instanceof BuffaloError) {
          return err.message
        }
        throw err
      })
      const durationMs = Math.round(performance.now() - startedAtMs)
      reports.push({
        input: vector.input,
        seed: vector.seed,
        ok: fault === undefined,
        fault: fault ?? null,
        durationMs
      })
    }
    return reports
  })
  const faults = vectors.flatMap(({ input, fault }) => (fault === null ? [] : [`${input}: ${fault}`]))
  if (vectors.length === 0) {
    faults.push('It has no test vectors, so no worker offers it: add one, then `models check --write`')
  }
  return { document, vectors, faults, warnings: warningsOf(document) }
}

function warningsOf({ manifest }: ManifestDocument): string[] {
  const named = new Set(Object.values(manifest.files).map(file => file.path))
  return manifest.testVectors
    .flatMap(({ input, expected }) => (typeof expected === 'string' ? [input] : [input, expected.file]))
    .filter((file, index, all) => !named.has(file) && all.indexOf(file) === index)
    .map(
      file =>
        `${file} is not among the files, so it does not travel with the model: \`models check --write\` adds it`
    )
}

/** Runs models as a worker does, in a child process. */
export async function withExecutor<T>(
  { timeoutMs, memoryMb, logger }: Pick<CheckInit, 'timeoutMs' | 'memoryMb' | 'logger'>,
  manifests: string[],
  use: (executor: Executor) => Promise<T>
): Promise<T> {
  const executor = childProcessExecutor({
    childModule: executorChildModule(),
    childArguments: manifests,
    timeoutMs,
    memoryBytes: memoryMb * 2 ** 20
  })({ logger: logger.child({ name: 'executor' }), clock: systemClock })
  await executor.start()
  try {
    return await use(executor)
  } finally {
    await executor.stop()
  }
}
