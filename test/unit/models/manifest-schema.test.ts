import { readFileSync } from 'node:fs'
import path from 'node:path'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
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

test('manifest schema: a file is named by a whole hash, and a name of JavaScript is no file', () => {
  const cidOf = (digest: Uint8Array): string => CID.createV1(0x55, Digest.create(0x12, digest)).toString()
  const withFile = (cid: string): object => ({ ...valid, files: { model: { path: 'm', cid, sizeBytes: 1 } } })
  expect(checkManifest(withFile(cidOf(new Uint8Array(32))))).toHaveProperty('manifest')
  expect(checkManifest(withFile(cidOf(new Uint8Array(1))))).toHaveProperty('fault')
  const polluting = JSON.parse(
    JSON.stringify({ ...valid, settings: { a: 1 } }).replace('"a":1', '"__proto__":{"polluted":true}')
  )
  checkManifest(polluting)
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
})
