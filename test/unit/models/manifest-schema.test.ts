import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { dataFolder } from '../../../models/index.js'
import { checkManifest, manifestJsonSchema } from '../../../models/manifest-schema.js'

const valid = {
  name: 'a',
  task: 'tensor',
  architecture: 'onnx',
  licence: 'MIT',
  description: '',
  runtime: { kind: 'canonical', threads: 1, optimisation: 'all' },
  files: {},
  settings: {},
  testVectors: []
}

function vector(changes: object): unknown {
  return { ...valid, testVectors: [{ input: 'a.json', seed: '0x', expected: 'a', ...changes }] }
}

test('manifest schema: the published one is that of the code', () => {
  const published = JSON.parse(readFileSync(path.join(dataFolder, 'manifest.schema.json'), 'utf8'))
  // Should it differ: write what the code says into the file.
  expect(published).toEqual(JSON.parse(JSON.stringify(manifestJsonSchema())))
})

test('manifest schema: an expected output is a text, or a file and a tolerance', () => {
  expect(checkManifest(vector({}))).toHaveProperty('manifest')
  expect(
    checkManifest(vector({ reads: ['0x00'], expected: { file: 'b.png', tolerance: 1.5 } }))
  ).toHaveProperty('manifest')
  for (const wrong of [
    { expected: { file: '../b.png', tolerance: 1 } },
    { expected: { file: 'b.png', tolerance: -1 } },
    { expected: { file: 'b.png' } },
    { expected: 5 },
    { reads: ['00'] },
    { seed: '0x0' },
    { input: '/etc/passwd' }
  ]) {
    expect(checkManifest(vector(wrong))).toHaveProperty('fault')
  }
})
