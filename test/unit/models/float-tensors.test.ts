import { expect, test } from 'vitest'
import { floatsOf, floatTensor } from '../../../models/tools/float-tensors.js'
import { toHalf } from '../../../models/tools/half.js'
import { type Graph, Tensor } from '../../../models/tools/onnx.js'
import { ManifestError } from '../../../src/interface/index.js'

const graph = (type: 'float32' | 'float16' | 'int64'): Graph => ({
  inputNames: ['x'],
  outputNames: ['y'],
  inputs: [{ name: 'x', isTensor: true, type, shape: [2] }],
  outputs: [],
  run: async () => ({}),
  release: async () => undefined
})
const numbers = Float32Array.of(0.5, -3)

test('float tensors: in the precision of the graph', () => {
  expect(floatTensor(graph('float32'), 'x', numbers, [2]).data).toEqual(numbers)
  const half = floatTensor(graph('float16'), 'x', numbers, [2])
  expect(half).toMatchObject({ type: 'float16', dims: [2] })
  expect(floatsOf(graph('float16'), { y: half })).toEqual({ data: numbers, shape: [2] })
  expect(() => floatTensor(graph('int64'), 'x', numbers, [2])).toThrow(ManifestError)
  expect(() => floatTensor(graph('float32'), 'z', numbers, [2])).toThrow(ManifestError)
})

test('float tensors: what a graph answers, whole or half', () => {
  const y = new Tensor('float16', Uint16Array.from([1, 2], toHalf), [1, 2])
  expect(floatsOf(graph('float32'), { y })).toEqual({ data: Float32Array.of(1, 2), shape: [1, 2] })
  const integers = new Tensor('int64', BigInt64Array.of(1n), [1])
  expect(() => floatsOf(graph('float32'), { y: integers })).toThrow(ManifestError)
  expect(() => floatsOf(graph('float32'), { y }, 'z')).toThrow(ManifestError)
})
