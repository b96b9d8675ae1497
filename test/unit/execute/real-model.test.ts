import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { task } from '../../../models/image-to-text/task.js'
import { dataFolder } from '../../../models/index.js'
import {
  createModelCatalog,
  executorChildModule,
  type TestedModelCatalog
} from '../../../node/model-catalog.js'
import { type ChildProcessExecutor, childProcessExecutor } from '../../../src/execute/index.js'
import {
  type ExecutionRequest,
  FailureCode,
  type Outcome,
  systemClock
} from '../../../src/interface/index.js'
import { silentLogger } from '../../helpers/silent-logger.js'

const images = new URL('../../fixtures/images/', import.meta.url)
const sample = new URL('../../../node/testnet/samples/nobody.png', import.meta.url)
const signal = new AbortController().signal
/** One model is enough to look at the executor; the conformance suite runs them all. */
const manifests = [path.join(dataFolder, 'image-to-text')]
let executor: ChildProcessExecutor
let catalog: TestedModelCatalog
let manifest: string

beforeAll(async () => {
  executor = startExecutor(manifests)
  catalog = await createModelCatalog({ manifests, logger: silentLogger() })
  expect(catalog.models()).toEqual([])
  await catalog.selfTest(executor, { signal })
  const [first] = catalog.models()
  manifest = first ?? ''
})

afterAll(() => executor.stop())

function startExecutor(manifests: string[]): ChildProcessExecutor {
  const made = childProcessExecutor({ childModule: executorChildModule(), childArguments: manifests })({
    logger: silentLogger(),
    clock: systemClock
  })
  made.start()
  return made
}

function run(
  bytes: Uint8Array,
  encoding: ExecutionRequest['input']['encoding'] = 'content'
): Promise<Outcome> {
  const job = { key: '', category: task.category, seed: '0x' as const, outputFormat: 0 }
  return executor.execute({ job, manifest, input: { encoding, bytes } }, { signal })
}

test('catalog: offers a model that passes its self-test, and resolves locations of any', () => {
  expect(catalog.models()).toHaveLength(catalog.documents().length)
  expect(catalog.resolve(`ipfs://${manifest}`)).toBe(manifest)
  expect(catalog.resolve('https://example.org/model.json')).toBeUndefined()
})

test('catalog: does not offer a model whose output is not the expected one, and says why', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'buffalo-catalog-'))
  const said: { level: string; message: string; fields: object }[] = []
  let executorOfFolder: ChildProcessExecutor | undefined
  try {
    const [document] = catalog.documents()
    const testVectors = [{ input: 'a.png', seed: '0x', expected: 'something else' }]
    const files = Object.entries(document?.manifest.files ?? {}).filter(([, file]) =>
      file.path.startsWith('npm:')
    )
    const changed = { ...document?.manifest, files: Object.fromEntries(files), testVectors }
    await writeFile(path.join(folder, 'wrong.manifest.json'), JSON.stringify(changed))
    await writeFile(path.join(folder, 'a.png'), await readFile(sample))
    executorOfFolder = startExecutor([folder])
    const wrong = await createModelCatalog({ manifests: [folder], logger: silentLogger(said) })
    await wrong.selfTest(executorOfFolder, { signal })
    expect(wrong.models()).toEqual([])
    expect(said).toMatchObject([
      { level: 'error', fields: { fault: expect.stringMatching(/something else/u) } }
    ])
  } finally {
    await executorOfFolder?.stop()
    await rm(folder, { recursive: true })
  }
})

test('hostile pictures: each fails with its code, and the child goes on', async () => {
  const [pid] = executor.childPids()
  const png = await readFile(sample)
  const expectations: [Uint8Array, FailureCode][] = [
    [png.subarray(0, png.length >> 1), FailureCode.InvalidInput],
    [await readFile(new URL('truncated.jpg', images)), FailureCode.InvalidInput],
    [await readFile(new URL('bad-checksum.png', images)), FailureCode.InvalidInput],
    [await readFile(new URL('bomb.png', images)), FailureCode.InputTooLarge],
    [await readFile(new URL('drawing.svg', images)), FailureCode.InvalidInput],
    [Buffer.alloc(100), FailureCode.InvalidInput],
    [new Uint8Array(), FailureCode.InvalidInput]
  ]
  for (const [bytes, code] of expectations) {
    expect(await run(bytes)).toMatchObject({ success: false, code })
  }
  expect((await run(png)).success).toBe(true)
  expect(executor.childPids()).toEqual([pid])
})

test('responsiveness: the event loop of the node goes on while a model runs', async () => {
  const png = await readFile(sample)
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: 5 }, () => run(png)))
  const elapsedMs = performance.now() - startedAt
  delay.disable()
  // In the node's own process each run would block for a fifth of the time.
  expect(delay.percentile(90) / 1e6).toBeLessThan(elapsedMs / 10)
})

test('kill -9 of the child during a run of the model: the run still succeeds', async () => {
  const png = await readFile(sample)
  const pending = run(png)
  const [pid] = executor.childPids()
  process.kill(pid ?? 0, 'SIGKILL')
  expect((await pending).success).toBe(true)
})
