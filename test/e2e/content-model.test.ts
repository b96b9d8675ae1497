import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { createModelRegistry, dataFolder, manifestLocation } from '../../models/index.js'
import { createModelCatalog, executorChildModule } from '../../node/model-catalog.js'
import { startModelExchange } from '../../node/models/exchange.js'
import { addedModelsFolder } from '../../node/models/model-paths.js'
import { sealFiles, sealOutputs } from '../../node/models/seal.js'
import { shareModel } from '../../node/models/share.js'
import { childProcessExecutor } from '../../src/execute/index.js'
import { systemClock } from '../../src/interface/index.js'
import { silentLogger } from '../helpers/silent-logger.js'
import { type ContentNode, connect, distinctBytes, startContentNode } from '../unit/content/content-nodes.js'

const base = { clock: systemClock, logger: silentLogger() }
const signal = AbortSignal.timeout(110_000)
const weightBytes = 100_000_000
/** Of other models than the one at hand. */
const onFault = (): undefined => undefined

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'buffalo-content-model-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))]
}

/** A field of protobuf with a length. */
function field(number: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(content.length)]), content])
}

/** Reads a varint. @returns its value, and where it ends */
function readVarint(bytes: Uint8Array, at: number): [number, number] {
  let value = 0
  for (let shift = 0; ; shift++) {
    const byte = bytes[at + shift] ?? 0
    value += (byte % 128) * 128 ** shift
    if (byte < 128) return [value, at + shift + 1]
  }
}

/**
 * A model with more weights: an initialiser that nothing uses (ModelProto.graph is field 7, GraphProto.initializer 5, and
 * TensorProto has dims, data_type, name and raw_data in 1, 2, 8 and 9).
 */
function withWeights(model: Uint8Array, sizeBytes: number): Buffer {
  const tensor = Buffer.concat([
    Buffer.from([0x08, ...varint(sizeBytes / 4), 0x10, 1]),
    field(8, Buffer.from('more_weights')),
    field(9, distinctBytes(sizeBytes))
  ])
  const parts: Uint8Array[] = []
  for (let at = 0; at < model.length; ) {
    const [tag, start] = readVarint(model, at)
    const [number, type] = [tag >> 3, tag % 8]
    const [value, next] = readVarint(model, start)
    const end = type === 2 ? next + value : next
    parts.push(
      number === 7
        ? field(7, Buffer.concat([model.subarray(next, end), field(5, tensor)]))
        : model.subarray(at, end)
    )
    at = end
  }
  return Buffer.concat(parts)
}

function executorFor(manifests: string[]) {
  const executor = childProcessExecutor({ childModule: executorChildModule(), childArguments: manifests })(
    base
  )
  onTestFinished(async () => executor.stop())
  return executor
}

/** Makes the model in a folder of its own, as its author does. @returns the manifest's path */
async function makeModel(): Promise<string> {
  const path = await folder()
  const source = join(dataFolder, 'image-classification')
  await cp(join(source, 'mnist-classifier'), join(path, 'mnist-classifier'), { recursive: true })
  await cp(join(source, 'test-vectors'), join(path, 'test-vectors'), { recursive: true })
  const manifest = join(path, 'large.manifest.json')
  const original = await readFile(join(source, 'mnist-classifier.manifest.json'), 'utf8')
  // The other runtime takes longer to load a large file.
  await writeFile(manifest, original.replace('"canonical"', '"native"'))
  const model = join(path, 'mnist-classifier/model.onnx')
  await writeFile(model, withWeights(await readFile(model), weightBytes))
  const document = await sealFiles(manifest)
  const executor = executorFor([manifest])
  await executor.start()
  await sealOutputs(document, await createModelRegistry({ onFault }), executor, signal)
  return manifest
}

async function startHolder(manifest: string): Promise<ContentNode & { cid: string }> {
  const node = await startContentNode({ path: await folder() })
  onTestFinished(() => node.stop())
  const catalog = await createModelCatalog({ manifests: [manifest], logger: silentLogger() })
  const [document] = catalog.documents()
  if (document === undefined) throw new Error('the model has no manifest')
  await shareModel(document, { content: node.content, logger: silentLogger() })
  return { ...node, cid: document.cid }
}

it('behavior: a new worker gets a 100 MB model from two peers, one of which is killed half-way, and runs it', async () => {
  const manifest = await makeModel()
  const [doomed, steady] = [await startHolder(manifest), await startHolder(manifest)]

  const dataDir = await folder()
  const newcomer = await startContentNode({ path: join(dataDir, 'content') })
  onTestFinished(() => newcomer.stop())
  await connect(newcomer, doomed)
  await connect(newcomer, steady)

  const catalog = await createModelCatalog({ manifests: [await folder()], logger: silentLogger() })
  const executor = executorFor([addedModelsFolder(dataDir)])
  await executor.start()
  let killedAt = 0
  const { content } = newcomer
  const undo: (() => void | Promise<void>)[] = []
  onTestFinished(async () => {
    for (const step of undo) await step()
  })
  const models = await startModelExchange(
    { dataDir, fetchModelsMb: 200 },
    {
      content: {
        ...content,
        save: (cid, path, options) =>
          content.save(cid, path, {
            ...options,
            onProgress(progress) {
              options.onProgress?.(progress)
              if (killedAt > 0 || progress.bytes < weightBytes / 2) return
              killedAt = progress.bytes
              for (const connection of doomed.network.libp2p.getConnections()) {
                connection.abort(new Error('killed'))
              }
              void doomed.stop()
            }
          })
      },
      catalog,
      executor,
      ...base,
      defer: step => undo.push(step)
    }
  )
  expect(models.models()).toEqual([])

  // As for a job that names it.
  expect(models.resolve(manifestLocation(doomed.cid))).toBe(doomed.cid)
  // Its files are checked as they are loaded, its test vectors as it runs: then it is offered.
  await vi.waitFor(() => expect(models.models()).toEqual([doomed.cid]), { timeout: 100_000, interval: 100 })
  expect(killedAt).toBeGreaterThanOrEqual(weightBytes / 2)
  expect(killedAt).toBeLessThan(weightBytes * 0.9)
  // What it fetched it can pass on, and keeps once: as files, not as blocks.
  expect(content.usage().bytes).toBeLessThan(1_000_000)
}, 120_000)
