import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkGraph } from '../../../models/tools/graph-check.js'
import { functionField, modelField, tensorField } from '../../../models/tools/onnx/model-proto.js'
import { packageRoot } from '../../../node/paths.js'
import { ManifestError } from '../../../src/interface/index.js'
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

const noFiles = { name: 'test', files: ['model.onnx'] }

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'buffalo-graphs-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function fileOf(bytes: Uint8Array): string {
  const file = join(folder, 'model.onnx')
  writeFileSync(file, bytes)
  return file
}

const check = (bytes: Uint8Array, files = noFiles.files) => checkGraph(fileOf(bytes), { name: 'test', files })
const refusal = (bytes: Uint8Array, files?: string[]): string => {
  try {
    check(bytes, files)
  } catch (err) {
    expect(err).toBeInstanceOf(ManifestError)
    return err instanceof Error ? err.message : ''
  }
  throw new Error('The graph was not refused')
}
const add: GraphInit = {
  nodes: [node('Add', ['x', 'x'], ['y'])],
  inputs: [value('x')],
  outputs: [value('y')]
}

test('graph check: takes an honest graph, and every case of ONNX but those that draw random numbers', () => {
  expect(check(model(add))).toEqual({ externalFiles: [] })
  const fixtures = join(packageRoot, 'test/fixtures/onnx')
  for (const name of readdirSync(fixtures).filter(
    entry => entry.startsWith('test_') && entry !== 'test_bernoulli'
  )) {
    expect(checkGraph(join(fixtures, name, 'model.onnx'), noFiles), name).toEqual({ externalFiles: [] })
  }
})

test('graph check: a file that is no ONNX, or a part of one, is refused', () => {
  const whole = model(add)
  for (let length = 0; length < whole.length; length++) {
    expect(refusal(whole.subarray(0, length))).toMatch(/no ONNX file|holds \d+ bytes/u)
  }
  for (const bytes of [
    '',
    '{}',
    'PK\u0003\u0004',
    '<!doctype html><html><body>404</body></html>',
    '\u0000'.repeat(100)
  ]) {
    expect(refusal(Buffer.from(bytes))).toMatch(/no ONNX file/u)
  }
  expect(refusal(message([1, 8], [7, graph(add)], [7, graph(add)]))).toMatch(/no ONNX file/u)
  expect(refusal(Buffer.from([...Buffer.from('\u0018\u0000\u0000\u0000ORTM'), 0, 0, 0, 0]))).toMatch(
    /own format/u
  )
})

test('graph check: a file larger than protobuf allows is refused unread', () => {
  const file = fileOf(model(add))
  truncateSync(file, 2 ** 31)
  expect(() => checkGraph(file, noFiles)).toThrow(/2147483648 bytes/u)
})

test('graph check: a huge shape is refused: declared, of weights, or made by an operator', () => {
  const huge = [100_000, 100_000]
  const made = (operator: string, inputs: string[], values: number[]): Uint8Array =>
    model({
      ...add,
      nodes: [node(operator, inputs, ['y'])],
      initializers: [int64Tensor('shape', [values.length], values)]
    })
  expect(refusal(model({ ...add, inputs: [value('x', 1, huge)] }))).toMatch(/shape \[100000, 100000\]/u)
  expect(refusal(model({ ...add, initializers: [int64Tensor('w', huge, [1])] }))).toMatch(/shape/u)
  expect(refusal(model({ ...add, initializers: [int64Tensor('w', [1000, 1000], [1])] }))).toMatch(
    /1000000 elements holds 8 bytes/u
  )
  expect(refusal(model({ ...add, initializers: [int64Tensor('w', [-1], [1])] }))).toMatch(/dimension -1/u)
  expect(refusal(model({ ...add, initializers: [int64Tensor('w', new Array(65).fill(1), [1])] }))).toMatch(
    /64 dimensions/u
  )
  expect(refusal(made('ConstantOfShape', ['shape'], huge))).toMatch(/makes a tensor of 10000000000/u)
  for (const operator of ['Expand', 'Tile']) {
    expect(refusal(made(operator, ['x', 'shape'], huge))).toMatch(/makes a tensor/u)
  }
  const range = {
    ...add,
    nodes: [node('Range', ['start', 'limit', 'step'], ['y'])],
    initializers: [
      int64Tensor('start', [], [0]),
      int64Tensor('limit', [], [10 ** 10]),
      int64Tensor('step', [], [1])
    ]
  }
  expect(refusal(model(range))).toMatch(/Range makes a tensor of 10000000000/u)
})

test('graph check: shapes are followed through Constant nodes and into the graphs of If', () => {
  const shape = node('Constant', [], ['shape'], {
    attributes: [attribute('value', 'tensor', int64Tensor('', [2], [100_000, 100_000]))]
  })
  const branch = graph({ nodes: [node('ConstantOfShape', ['shape'], ['z'])], outputs: [value('z')] })
  const choose = node('If', ['x'], ['y'], {
    attributes: [attribute('then_branch', 'graph', branch), attribute('else_branch', 'graph', branch)]
  })
  expect(refusal(model({ ...add, nodes: [shape, choose] }))).toMatch(/ConstantOfShape makes/u)
})

test('graph check: weights in files that the manifest does not name are refused', () => {
  const external = (location: string): Uint8Array =>
    model({
      ...add,
      initializers: [
        message(
          [tensorField.dims, 4],
          [tensorField.dataType, 1],
          [tensorField.name, 'w'],
          [tensorField.externalData, message([1, 'location'], [2, location])],
          [tensorField.dataLocation, 1]
        )
      ]
    })
  for (const location of [
    '/etc/passwd',
    '../secret',
    'a/../../secret',
    'other.bin',
    '',
    '*/_ORT_MEM_ADDR_/*'
  ]) {
    expect(refusal(external(location), ['model.onnx', 'weights.bin']), location).toMatch(/does not name/u)
  }
  mkdirSync(join(folder, 'unet'))
  writeFileSync(join(folder, 'unet/model.onnx'), external('weights.bin'))
  const files = ['unet/model.onnx', 'unet/weights.bin']
  expect(checkGraph(join(folder, 'unet/model.onnx'), { name: 'test', files })).toEqual({
    externalFiles: ['weights.bin']
  })
  // The same name in another folder is another file.
  expect(() =>
    checkGraph(join(folder, 'unet/model.onnx'), { name: 'test', files: ['vae/weights.bin'] })
  ).toThrow(ManifestError)
})

test('graph check: operators that are not of ONNX, reach beyond the graph or draw random numbers are refused', () => {
  const using = (operator: string, domain?: string): Uint8Array =>
    model({ ...add, nodes: [node(operator, ['x'], ['y'], domain === undefined ? {} : { domain })] })
  expect(refusal(using('Evil', 'com.evil'))).toMatch(/Evil of the domain com\.evil/u)
  expect(refusal(using('EPContext', 'com.microsoft'))).toMatch(/reaches beyond/u)
  for (const operator of ['RandomNormal', 'RandomUniformLike', 'Multinomial', 'Bernoulli']) {
    expect(refusal(using(operator))).toMatch(/random numbers/u)
  }
  const dropout = (inputs: string[], initializers: Uint8Array[] = []): Uint8Array =>
    model({ ...add, nodes: [node('Dropout', inputs, ['y'])], initializers })
  const flag = (on: number): Uint8Array =>
    message(
      [tensorField.dataType, 9],
      [tensorField.name, 'training'],
      [tensorField.rawData, Buffer.from([on])]
    )
  expect(check(dropout(['x', 'ratio']))).toBeDefined()
  expect(check(dropout(['x', '', 'training'], [flag(0)]))).toBeDefined()
  expect(refusal(dropout(['x', '', 'training'], [flag(1)]))).toMatch(/random numbers/u)
  expect(refusal(dropout(['x', '', 'x']))).toMatch(/random numbers/u)
  const hidden = graph({ nodes: [node('RandomNormal', [], ['z'])], outputs: [value('z')] })
  const loop = node('Loop', ['x'], ['y'], { attributes: [attribute('body', 'graph', hidden)] })
  expect(refusal(model({ ...add, nodes: [loop] }))).toMatch(/random numbers/u)
})

test('graph check: graphs that nest too deep, and more nodes than any model has, are refused', () => {
  let inner = graph({ nodes: [node('Add', ['x', 'x'], ['y'])] })
  for (let depth = 0; depth < 20; depth++) {
    inner = graph({
      nodes: [node('If', ['x'], ['y'], { attributes: [attribute('then_branch', 'graph', inner)] })]
    })
  }
  expect(refusal(message([1, 8], [7, inner]))).toMatch(/nest more than 16/u)
  // Fields of a graph that each hold a node with nothing but its operator.
  const many = Buffer.concat(new Array<Uint8Array>(200_001).fill(message([1, message([4, 'Add'])])))
  expect(refusal(message([1, 8], [7, many]))).toMatch(/more than 200000 nodes/u)
})

test("graph check: a model's own functions count as often as they are called, and may not call themselves", () => {
  const own = (name: string, calls: string[]): [number, Uint8Array] => [
    modelField.functions,
    message(
      [functionField.name, name],
      [functionField.domain, 'own'],
      ...calls.map((callee): [number, Uint8Array] => [
        functionField.node,
        node(callee, ['x'], ['y'], callee === 'Add' ? {} : { domain: 'own' })
      ])
    )
  ]
  const calling = (name: string, ...functions: [number, Uint8Array][]): Uint8Array =>
    model({ ...add, nodes: [node(name, ['x'], ['y'], { domain: 'own' })] }, ...functions)
  expect(check(calling('a', own('a', ['Add'])))).toBeDefined()
  expect(refusal(calling('a', own('a', ['b']), own('b', ['a'])))).toMatch(/call themselves/u)
  expect(refusal(calling('b', own('a', ['Add'])))).toMatch(/domain own/u)
  const doubling = Array.from({ length: 25 }, (_, level) =>
    own(`f${level}`, [`f${level + 1}`, `f${level + 1}`])
  )
  expect(refusal(calling('f0', ...doubling, own('f25', ['Add'])))).toMatch(/nodes: at most/u)
})

test('graph check: random bytes never do more than refuse', () => {
  const whole = model({ ...add, initializers: [int64Tensor('w', [2], [1, 2])] })
  for (let index = 0; index < whole.length; index++) {
    for (const flip of [0x01, 0x80, 0xff]) {
      const changed = Uint8Array.from(whole)
      changed[index] = (changed[index] ?? 0) ^ flip
      try {
        check(changed)
      } catch (err) {
        expect(err).toBeInstanceOf(ManifestError)
      }
    }
  }
})
