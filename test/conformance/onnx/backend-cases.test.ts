import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findCases } from '../../../node/models/conformance/cases.js'
import { tensorDifference } from '../../../node/models/conformance/compare.js'
import { runConformance } from '../../../node/models/conformance/run.js'
import { packageRoot } from '../../../node/paths.js'
import { ConfigError } from '../../../src/interface/index.js'
import { runProgram } from '../../helpers/node-process.js'
import { silentLogger } from '../../helpers/silent-logger.js'

const folder = join(packageRoot, 'test/fixtures/onnx')
const unsupported = ['test_bernoulli', 'test_pow_types_float32_uint32', 'test_sequence_insert_at_back']
const failing = ['test_maxunpool_export_with_output_shape']

test.each(['native', 'canonical'] as const)(
  'onnx conformance: cases of ONNX pass through the tensor task on the runtime %s',
  async runtime => {
    const report = await runConformance({
      folder,
      runtime,
      timeoutMs: 30_000,
      memoryMb: 1_024,
      logger: silentLogger(),
      signal: new AbortController().signal,
      progress: () => undefined
    })
    expect(report.unsupported.map(({ name }) => name)).toEqual(unsupported)
    expect(report.unsupported.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('draws its own random numbers'),
      expect.stringContaining('Could not find an implementation'),
      expect.stringContaining('not a tensor')
    ])
    expect(report.failed).toEqual([
      { name: failing[0], reason: 'y[5] is 5 instead of 0', known: expect.stringContaining('MaxUnpool') }
    ])
    const all = (await findCases(folder)).map(({ name }) => name)
    expect(all).toHaveLength(23)
    expect(report.passed).toEqual(all.filter(name => ![...unsupported, ...failing].includes(name)))
  }
)

test('onnx conformance: the command counts, and names what did not pass', async () => {
  const { code, json } = await runProgram(['models', 'conformance', folder, '--json'])
  expect(json()).toMatchObject({
    ok: false,
    passed: 19,
    failed: 1,
    unsupported: 3,
    failedCases: [{ name: failing[0] }],
    unsupportedCases: unsupported.map(name => ({ name }))
  })
  expect(code).toBe(1)
})

test('onnx conformance: a folder without cases is a mistake of the caller', async () => {
  await expect(findCases(join(packageRoot, 'docs'))).rejects.toThrow(ConfigError)
  await expect(findCases(join(packageRoot, 'nothing'))).rejects.toThrow(ConfigError)
})

test('onnx conformance: type, shape and every element are compared, as numpy does', () => {
  const tensor = (data: number[], changes: object = {}) => ({
    name: 'y',
    datatype: 'FP32' as const,
    shape: [data.length],
    data: Float32Array.from(data),
    ...changes
  })
  const expected = tensor([1, Number.NaN, Number.POSITIVE_INFINITY])
  expect(tensorDifference(tensor([1.0005, Number.NaN, Number.POSITIVE_INFINITY]), expected)).toBeUndefined()
  expect(tensorDifference(tensor([1.002, Number.NaN, Number.POSITIVE_INFINITY]), expected)).toMatch(/y\[0\]/u)
  expect(tensorDifference(tensor([1, 0, Number.POSITIVE_INFINITY]), expected)).toMatch(
    /y\[1\] is 0 instead of NaN/u
  )
  expect(tensorDifference(tensor([1, Number.NaN, 9]), expected)).toMatch(/y\[2\]/u)
  expect(tensorDifference(tensor([0]), tensor([0], { shape: [1, 1] }))).toMatch(/shape/u)
  expect(tensorDifference(tensor([0]), tensor([0], { datatype: 'FP64' }))).toMatch(/FP32 instead of FP64/u)
  expect(tensorDifference(undefined, tensor([0]))).toMatch(/no output/u)
})
