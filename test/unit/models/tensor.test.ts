import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { architecture } from '../../../models/tensor/onnx.js'
import { type TensorOutput, task } from '../../../models/tensor/task.js'
import { encodeAbi } from '../../../models/tools/abi.js'
import { fromHalf, toHalf } from '../../../models/tools/half.js'
import {
  FailureCode,
  type JobFailedError,
  type Manifest,
  ManifestError
} from '../../../src/interface/index.js'
import { model, node, value } from '../../helpers/onnx-builder.js'

const folder = mkdtempSync(join(tmpdir(), 'buffalo-tensor-'))
afterAll(() => rmSync(folder, { recursive: true }))

const request = (...inputs: unknown[]) => Buffer.from(JSON.stringify({ inputs }))
const input = (datatype: string, data: unknown[], shape = [data.length]) => ({
  name: 'x',
  shape,
  datatype,
  data
})

function failure(run: () => unknown): { code: number; message: string } {
  try {
    run()
  } catch (err) {
    const { failureCode, message } = err as JobFailedError
    return { code: failureCode, message }
  }
  throw new Error('It did not fail')
}

describe('tensor codec', () => {
  test.each([
    ['BOOL', [true, false]],
    ['INT8', [-128, 127]],
    ['INT16', [-32768, 32767]],
    ['INT32', [-(2 ** 31), 2 ** 31 - 1]],
    ['INT64', ['-9223372036854775808', 9007199254740991, '9223372036854775807']],
    ['UINT8', [0, 255]],
    ['UINT16', [0, 65535]],
    ['UINT32', [0, 2 ** 32 - 1]],
    ['UINT64', [0, '18446744073709551615']],
    ['FP16', [0.5, -65504, 'Infinity', 'NaN', '-0', 5.96e-8]],
    ['FP32', [0.1, -3.4028235e38, '-Infinity', 'NaN', '-0', 1.4013e-45]],
    ['FP64', [0.1, 5e-324, 1.7976931348623157e308, 'NaN']],
    ['BYTES', ['', 'ä\u0000"', '𝄞']]
  ])('%s: elements survive the way to the chain and into a file', (datatype, data) => {
    const content = request(input(datatype, data))
    const decoded = task.input.fromContent(content)
    expect(task.input.schema.safeParse(decoded).success).toBe(true)
    expect(JSON.parse(new TextDecoder().decode(task.input.toContent(decoded).bytes))).toEqual(
      JSON.parse(content.toString())
    )
    const encoded = Buffer.from(task.input.encode(decoded).slice(2), 'hex')
    expect(task.input.decode(encoded)).toEqual(decoded)
  })

  test('nested lists mean the same as flat ones', () => {
    const flat = task.input.fromContent(request(input('FP32', [1, 2, 3, 4], [2, 2])))
    const nested = {
      name: 'x',
      shape: [2, 2],
      datatype: 'FP32',
      data: [
        [1, 2],
        [3, 4]
      ]
    }
    expect(task.input.fromContent(request(nested))).toEqual(flat)
  })

  test.each([
    ['no JSON', Buffer.from('{'), /not JSON/u],
    ['no UTF-8', Buffer.from([0xff]), /not UTF-8/u],
    ['no inputs', Buffer.from('{}'), /inputs/u],
    ['an unknown type', request(input('FP8', [1])), /datatype/u],
    ['too few elements', request(input('FP32', [1], [2])), /1 elements, but its shape \[2\] says 2/u],
    ['a negative size', request(input('FP32', [], [-1])), /shape/u],
    ['a number that is too large', request(input('INT8', [128])), /no INT8, at 0: 128/u],
    ['a fraction', request(input('INT32', [1.5])), /no INT32/u],
    ['an unsafe integer', request(input('INT64', [2 ** 60])), /no INT64/u],
    ['a text among numbers', request(input('FP32', ['one'])), /no FP32/u],
    ['a number among texts', request(input('BYTES', [1])), /no BYTES/u],
    ['a null', request(input('FP32', [null])), /no FP32/u],
    ['an unknown field', request({ ...input('FP32', [1]), extra: 1 }), /extra/u]
  ])('refuses %s', (_, content, message) => {
    const { code, message: found } = failure(() => task.input.fromContent(content))
    expect(code).toBe(FailureCode.InvalidInput)
    expect(found).toMatch(message)
  })

  test('refuses a job without any input, on its way to the chain and from there; as a file it is taken', () => {
    const nothing = task.input.fromContent(request())
    expect(nothing).toEqual({ inputs: [] })
    const encoded = Buffer.from(encodeAbi(['string'], ['{"inputs":[]}']).slice(2), 'hex')
    for (const refused of [() => task.input.encode(nothing), () => task.input.decode(encoded)]) {
      const { code, message } = failure(refused)
      expect(code).toBe(FailureCode.InvalidInput)
      expect(message).toMatch(/has no inputs: it must have a tensor for each/u)
    }
  })

  test('refuses more elements than the limit before it makes room for them', () => {
    const { code } = failure(() => task.input.fromContent(request(input('FP32', [], [3_000_000, 3_000_000]))))
    expect(code).toBe(FailureCode.InputTooLarge)
  })
})

test('half precision: all 65,536 numbers survive the way to a float and back', () => {
  for (let bits = 0; bits < 65_536; bits++) {
    const number = fromHalf(bits)
    expect(toHalf(number)).toBe(Number.isNaN(number) ? 0x7e00 : bits)
  }
  // Half-way between two numbers: the even one.
  expect([toHalf(2049), toHalf(2051), toHalf(65_519), toHalf(65_520), toHalf(1e-9)]).toEqual([
    0x6800, 0x6802, 0x7bff, 0x7c00, 0
  ])
})

describe.each(['native', 'canonical'] as const)('tensor: onnx on the runtime %s', kind => {
  async function load(bytes: Uint8Array, settings: Record<string, unknown> = {}) {
    const file = join(folder, `${kind}.onnx`)
    writeFileSync(file, bytes)
    const manifest: Manifest = {
      name: 'test',
      task: 'tensor',
      architecture: 'onnx',
      licence: 'MIT',
      description: '',
      runtime: { kind, threads: 1, optimisation: 'all' },
      files: { model: { path: `${kind}.onnx`, cid: '', sizeBytes: 0 } },
      settings,
      testVectors: []
    }
    return architecture.load(manifest, { path: () => file })
  }

  async function run(
    bytes: Uint8Array,
    inputs: unknown[],
    settings?: Record<string, unknown>
  ): Promise<unknown[]> {
    const loaded = await load(bytes, settings)
    try {
      const output = await loaded.run(task.input.fromContent(request(...inputs)), new Uint8Array())
      expect(task.output.schema.safeParse(output).success).toBe(true)
      const text = new TextDecoder().decode(task.output.toContent(output).bytes)
      expect(task.output.fromContent(Buffer.from(text))).toEqual(output as TensorOutput)
      return JSON.parse(text).outputs
    } finally {
      await loaded.close()
    }
  }

  /** TensorProto.DataType */
  const types: [string, number, unknown[]][] = [
    ['BOOL', 9, [true, false]],
    ['INT8', 3, [-1, 1]],
    ['INT16', 5, [-1, 1]],
    ['INT32', 6, [-1, 1]],
    ['INT64', 7, [-1, '9223372036854775807']],
    ['UINT8', 2, [1, 255]],
    ['UINT16', 4, [1, 65535]],
    ['UINT32', 12, [1, 4294967295]],
    ['UINT64', 13, [1, '18446744073709551615']],
    ['FP16', 10, [0.5, -2]],
    ['FP32', 1, [0.1, -2]],
    ['FP64', 11, [0.1, -2]],
    ['BYTES', 8, ['a', 'ä']]
  ]
  test.each(types)('%s goes in and out', async (datatype, type, data) => {
    const identity = model({
      nodes: [node('Identity', ['x'], ['y'])],
      inputs: [value('x', type, [2])],
      outputs: [value('y', type, [2])]
    })
    expect(await run(identity, [input(datatype, data)])).toEqual([{ ...input(datatype, data), name: 'y' }])
  })

  const sums = model({
    nodes: [node('Add', ['a', 'b'], ['sum']), node('Mul', ['a', 'b'], ['product'])],
    inputs: [value('a', 1, [2]), value('b', 1, [2])],
    outputs: [value('sum', 1, [2]), value('product', 1, [2])]
  })
  const named = (name: string, data: number[], datatype = 'FP32') => ({
    name,
    shape: [data.length],
    datatype,
    data
  })

  test('inputs and outputs go by name, and settings may leave outputs out', async () => {
    const inputs = [named('b', [3, 4]), named('a', [1, 2])]
    expect(await run(sums, inputs)).toEqual([named('sum', [4, 6]), named('product', [3, 8])])
    expect(await run(sums, inputs, { outputs: ['product'] })).toEqual([named('product', [3, 8])])
    await expect(load(sums, { outputs: ['nothing'] })).rejects.toThrow(ManifestError)
    await expect(load(sums, { other: 1 })).rejects.toThrow(ManifestError)
  })

  test.each([
    ['a missing input', [named('a', [1, 2])], /needs the input b/u],
    ['an unknown input', [named('c', [1, 2])], /no input "c"/u],
    ['an input twice', [named('a', [1, 2]), named('a', [1, 2])], /no second input "a"/u],
    ['another type', [named('a', [1, 2], 'FP64'), named('b', [1, 2])], /must be FP32, and is FP64/u],
    ['another shape', [named('a', [1, 2, 3]), named('b', [1, 2])], /shape \[2\], and has \[3\]/u]
  ])('%s is the fault of the input', async (_, inputs, message) => {
    const fault = await run(sums, inputs).catch((err: JobFailedError) => err)
    expect(fault).toMatchObject({
      failureCode: FailureCode.InvalidInput,
      message: expect.stringMatching(message)
    })
  })
})
