import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cidOfBytes } from '../../../models/index.js'
import { executorChildModule } from '../../../node/model-catalog.js'
import { type ChildProcessExecutor, childProcessExecutor } from '../../../src/execute/index.js'
import {
  type Execution,
  FailureCode,
  ModelCategory,
  ProcessError,
  systemClock
} from '../../../src/interface/index.js'
import {
  attribute,
  type GraphInit,
  graph,
  int64Tensor,
  message,
  model,
  node,
  value
} from '../../helpers/onnx-builder.js'
import { silentLogger } from '../../helpers/silent-logger.js'

/*
 * Model files that mean harm, run as a worker runs them: in the built child process. Each is refused, or ended inside its
 * limits, and after it an honest model runs.
 */

const memoryBytes = 700 * 2 ** 20
const timeoutMs = 4_000

const honest: GraphInit = {
  nodes: [node('Add', ['x', 'x'], ['y'])],
  inputs: [value('x', 7, [1])],
  outputs: [value('y', 7)]
}
const scalar = (name: string, number: number): Uint8Array => int64Tensor(name, [], [number])
const yes = message([2, 9], [8, 'yes'], [9, Buffer.from([1])])

/** Counts to 2^62 by ones. */
const endlessBody = graph({
  nodes: [node('Identity', ['condition'], ['go']), node('Add', ['count', 'one'], ['next'])],
  inputs: [value('step', 7, []), value('condition', 9, []), value('count', 7, [1])],
  outputs: [value('go', 9), value('next', 7)]
})
const endless: GraphInit = {
  ...honest,
  nodes: [
    node('Loop', ['rounds', 'yes', 'x'], ['y'], { attributes: [attribute('body', 'graph', endlessBody)] })
  ],
  initializers: [scalar('rounds', 2 ** 53 - 1), yes, int64Tensor('one', [1], [1])]
}

/** Doubles a tensor thirty-four times by joining it to itself: what no constant in the file tells. */
const growing: GraphInit = {
  ...honest,
  nodes: Array.from({ length: 34 }, (_, step) =>
    node(
      'Concat',
      [step === 0 ? 'x' : `t${step}`, step === 0 ? 'x' : `t${step}`],
      [step === 33 ? 'y' : `t${step + 1}`],
      {
        attributes: [attribute('axis', 'integer', 0)]
      }
    )
  )
}

const files = {
  honest: model(honest),
  shape: model({ ...honest, initializers: [int64Tensor('w', [2 ** 20, 2 ** 20], [1])] }),
  made: model({
    ...honest,
    nodes: [node('ConstantOfShape', ['shape'], ['y'])],
    initializers: [int64Tensor('shape', [2], [2 ** 20, 2 ** 20])]
  }),
  external: model({
    ...honest,
    initializers: [
      message([1, 1], [2, 7], [8, 'w'], [13, message([1, 'location'], [2, '/etc/passwd'])], [14, 1])
    ]
  }),
  custom: model({ ...honest, nodes: [node('Evil', ['x'], ['y'], { domain: 'com.evil' })] }),
  truncated: model(honest).subarray(0, 40),
  text: Buffer.from('<!doctype html><title>404</title>'),
  endless: model(endless),
  growing: model(growing)
}
type Name = keyof typeof files

const cids = new Map<Name, string>()
let folder: string
let executor: ChildProcessExecutor

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'buffalo-hostile-'))
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'model.onnx'), bytes)
    const manifest = Buffer.from(
      JSON.stringify({
        name,
        task: 'tensor',
        architecture: 'onnx',
        licence: 'MIT',
        description: '',
        runtime: { kind: 'native', threads: 1, optimisation: 'all' },
        files: { model: { path: 'model.onnx', cid: cidOfBytes(bytes), sizeBytes: bytes.length } },
        settings: {},
        testVectors: []
      })
    )
    writeFileSync(join(folder, name, 'model.manifest.json'), manifest)
    cids.set(name as Name, cidOfBytes(manifest))
  }
  executor = childProcessExecutor({
    childModule: executorChildModule(),
    childArguments: [folder],
    timeoutMs,
    memoryBytes
  })({ logger: silentLogger(), clock: systemClock })
  executor.start()
})

afterAll(async () => {
  await executor.stop()
  rmSync(folder, { recursive: true })
})

function run(name: Name): Promise<Execution> {
  const inputs = [{ name: 'x', shape: [1], datatype: 'INT64', data: [21] }]
  return executor.execute(
    {
      job: { key: '', category: ModelCategory.TensorInference, seed: '0x', outputFormat: 0 },
      manifest: cids.get(name) ?? '',
      input: { encoding: 'content', bytes: Buffer.from(JSON.stringify({ inputs })) },
      output: 'content'
    },
    { signal: new AbortController().signal }
  )
}

async function expectAlive(): Promise<void> {
  const outcome = await run('honest')
  const text = Buffer.from((outcome.success && outcome.content?.bytes) || '').toString()
  expect(JSON.parse(text)).toEqual({ outputs: [{ name: 'y', shape: [1], datatype: 'INT64', data: [42] }] })
}

test.each<[Name, RegExp]>([
  ['shape', /has the shape \[1048576, 1048576\]/u],
  ['made', /ConstantOfShape makes a tensor/u],
  ['external', /\/etc\/passwd.*does not name/u],
  ['custom', /domain com\.evil/u],
  ['truncated', /no ONNX file/u],
  ['text', /no ONNX file/u]
])(
  'hostile model: %s is refused with the reason, and the next model runs in the same child',
  async (name, reason) => {
    await expectAlive()
    const pids = executor.childPids()
    const fault = await run(name).catch((err: unknown) => err)
    expect(fault).toBeInstanceOf(ProcessError)
    expect(String(fault)).toMatch(reason)
    await expectAlive()
    expect(executor.childPids()).toEqual(pids)
  }
)

test('hostile model: an endless loop is killed at the time limit, and the next model runs', async () => {
  expect(await run('endless')).toMatchObject({ success: false, code: FailureCode.Timeout })
  await expectAlive()
})

test('hostile model: a tensor that grows without end is ended at the memory limit, and the next model runs', async () => {
  const outcome = await run('growing')
  expect(outcome.success).toBe(false)
  // The runtime may itself fail to allocate before the watch on the memory sees it.
  expect([FailureCode.OutOfMemory, FailureCode.ModelFailed]).toContain(!outcome.success && outcome.code)
  await expectAlive()
})
