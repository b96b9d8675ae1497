import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  cidOfBytes,
  cidOfLocation,
  manifestLocation,
  openModelFiles,
  parseManifest,
  readManifest,
  readTestFile
} from '../../../models/index.js'
import { cidOfFile } from '../../../src/interface/content-id.js'
import { type Manifest, ManifestError } from '../../../src/interface/index.js'

const weights = Buffer.from('weights')
const file = { path: 'weights.bin', cid: cidOfBytes(weights), sizeBytes: weights.length }
const valid: Manifest = {
  name: 'test',
  task: 'image-to-text',
  architecture: 'pp-ocr',
  licence: 'MIT',
  description: '',
  runtime: { kind: 'native', threads: 1, optimisation: 'all' },
  files: { weights: file },
  settings: {},
  testVectors: [{ input: 'vectors/a.png', seed: '0x00ff', expected: 'a' }]
}

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'buffalo-manifest-'))
  await writeFile(path.join(folder, 'weights.bin'), weights)
})

afterEach(() => rm(folder, { recursive: true }))

async function open(files: Manifest['files']) {
  const manifestPath = path.join(folder, 'test.manifest.json')
  await writeFile(manifestPath, JSON.stringify({ ...valid, files }))
  return openModelFiles(await readManifest(manifestPath))
}

const parse = (changes: object) =>
  parseManifest(Buffer.from(JSON.stringify({ ...valid, ...changes })), 'test')

test('manifest: the CID is that of its bytes, as other tools compute it', () => {
  // `ipfs add --cid-version 1 --raw-leaves` of "hello world\n".
  expect(cidOfBytes(Buffer.from('hello world\n'))).toBe(
    'bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4'
  )
})

test('manifest: a location names one CID, in whatever spelling, or none', () => {
  const cid = cidOfBytes(weights)
  expect(cidOfLocation(manifestLocation(cid))).toBe(cid)
  expect(cidOfLocation('ipfs://QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG')).toMatch(/^bafy/u)
  for (const location of [
    '',
    cid,
    `https://${cid}`,
    `ipfs://${cid}/path`,
    'ipfs://',
    `ipfs://${'b'.repeat(5_000)}`
  ]) {
    expect(cidOfLocation(location)).toBeUndefined()
  }
})

test('manifest: takes a valid one and names the field of an invalid one', () => {
  expect(parse({})).toEqual(valid)
  expect(() => parse({ name: '' })).toThrow(/name/u)
  expect(() => parse({ extra: 1 })).toThrow(/extra/u)
  expect(() => parse({ runtime: { ...valid.runtime, threads: 0 } })).toThrow(/threads/u)
  expect(() => parse({ files: { weights: { ...file, path: '../secret' } } })).toThrow(/path/u)
  expect(() => parse({ files: { weights: { ...file, path: 'a/../../secret' } } })).toThrow(/path/u)
  expect(() => parse({ files: { weights: { ...file, path: '/etc/passwd' } } })).toThrow(/path/u)
  expect(() =>
    parse({ files: { weights: { ...file, cid: 'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG' } } })
  ).toThrow(/CIDv1/u)
  expect(() => parse({ testVectors: [{ input: 'a', seed: '0x0', expected: '' }] })).toThrow(/seed/u)
  expect(() => parseManifest(Buffer.from('{'), 'test')).toThrow(ManifestError)
})

test('manifest: finds files that match their hash, and refuses names that it lacks', async () => {
  const files = await open({ weights: file })
  expect(path.basename(files.path('weights'))).toBe('weights.bin')
  expect(() => files.path('other')).toThrow(ManifestError)
})

test('manifest: refuses a file of another size, of another content, and one that is missing', async () => {
  await expect(open({ weights: { ...file, sizeBytes: 8 } })).rejects.toThrow(/7 bytes/u)
  await expect(open({ weights: { ...file, cid: cidOfBytes(Buffer.from('WEIGHTS')) } })).rejects.toThrow(
    /CID/u
  )
  await expect(open({ weights: { ...file, path: 'none.bin' } })).rejects.toThrow(/missing/u)
})

test('manifest: notices a file that changed after it was checked', async () => {
  await open({ weights: file })
  await writeFile(path.join(folder, 'weights.bin'), 'WEIGHTS')
  await expect(open({ weights: file })).rejects.toThrow(/CID/u)
})

test('manifest: follows no symbolic link out of its folder', async () => {
  const outside = await mkdtemp(path.join(tmpdir(), 'buffalo-outside-'))
  try {
    await writeFile(path.join(outside, 'secret.bin'), weights)
    await symlink(path.join(outside, 'secret.bin'), path.join(folder, 'link.bin'))
    await symlink(outside, path.join(folder, 'linked'))
    for (const linked of ['link.bin', 'linked/secret.bin']) {
      await expect(open({ weights: { ...file, path: linked } })).rejects.toThrow(/outside/u)
    }
  } finally {
    await rm(outside, { recursive: true })
  }
})

test('manifest: finds the files of an npm package, and nothing above it', async () => {
  const root = path.join(folder, 'node_modules/@scope/pkg')
  await mkdir(root, { recursive: true })
  await writeFile(path.join(root, 'package.json'), '{"exports":{}}')
  await writeFile(path.join(root, 'weights.bin'), weights)
  const files = await open({ weights: { ...file, path: 'npm:@scope/pkg/weights.bin' } })
  expect(files.path('weights')).toContain('@scope')
  await expect(open({ weights: { ...file, path: 'npm:@scope/none/weights.bin' } })).rejects.toThrow(
    /not installed/u
  )
  await symlink(path.join(folder, 'weights.bin'), path.join(root, 'link.bin'))
  await expect(open({ weights: { ...file, path: 'npm:@scope/pkg/link.bin' } })).rejects.toThrow(/outside/u)
})

test('manifest: a large file may be named by the root of its tree or by the hash of its bytes, and is checked by it', async () => {
  const large = Buffer.alloc(2_500_000, 'weights')
  const at = path.join(folder, 'large.bin')
  await writeFile(at, large)
  const tree = { path: 'large.bin', cid: await cidOfFile(at), sizeBytes: large.length }
  const whole = { ...tree, cid: cidOfBytes(large) }
  expect(tree.cid).not.toBe(whole.cid)
  expect((await open({ tree, whole })).path('tree')).toBe(at)
  large[2_000_000] = 0
  await writeFile(at, large)
  await expect(open({ tree })).rejects.toThrow(ManifestError)
})

test('manifest: a file of a test vector goes into memory, so it is bounded', async () => {
  const document = { manifest: valid, cid: 'unused', path: path.join(folder, 'test.manifest.json') }
  await writeFile(path.join(folder, 'small.json'), '{}')
  expect(Buffer.from(await readTestFile(document, 'small.json')).toString()).toBe('{}')
  // A hole: it takes no room on the disk.
  await writeFile(path.join(folder, 'large.json'), '')
  await truncate(path.join(folder, 'large.json'), 64 * 1024 * 1024 + 1)
  await expect(readTestFile(document, 'large.json')).rejects.toThrow(/at most 67108864/u)
})
