import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { cidOfBytes, createModelRegistry, readManifest } from '../../../models/index.js'
import { addModel } from '../../../node/models/add.js'
import { findManifests, findOneManifest } from '../../../node/models/model-paths.js'
import { sealFiles } from '../../../node/models/seal.js'
import { copyModel, writeArchitecture } from '../../../node/models/skeleton.js'
import { packageRoot } from '../../../node/paths.js'
import { type Architecture, ConfigError } from '../../../src/interface/index.js'
import { temporaryDirectory } from '../../helpers/node-process.js'

const registry = await createModelRegistry({ onFault: () => undefined })

function modelFolder(changes: object = {}): { folder: string; manifest: string } {
  const folder = join(temporaryDirectory(), 'model')
  mkdirSync(join(folder, 'test-vectors'), { recursive: true })
  writeFileSync(join(folder, 'weights.bin'), 'weights')
  writeFileSync(join(folder, 'test-vectors/a.txt'), 'a')
  const manifest = join(folder, 'model.manifest.json')
  const content = {
    name: 'model',
    task: 'text-generation',
    architecture: 'decoder',
    licence: 'MIT',
    description: '',
    runtime: { kind: 'native', threads: 1, optimisation: 'all' },
    files: { weights: { path: 'weights.bin' } },
    settings: { kept: true },
    testVectors: [{ input: 'test-vectors/a.txt', seed: '0x' }],
    ...changes
  }
  writeFileSync(manifest, JSON.stringify(content))
  return { folder, manifest }
}

test('models: sealing fills in hashes and sizes, and lets the test vectors travel with the model', async () => {
  const { manifest } = modelFolder()
  const document = await sealFiles(manifest)
  const cid = cidOfBytes(Buffer.from('weights'))
  expect(document.manifest.files).toEqual({
    weights: { path: 'weights.bin', cid, sizeBytes: 7 },
    'test-vectors/a.txt': { path: 'test-vectors/a.txt', cid: cidOfBytes(Buffer.from('a')), sizeBytes: 1 }
  })
  expect(document.manifest.settings).toEqual({ kept: true })
  const bytes = readFileSync(manifest)
  expect((await sealFiles(manifest)).cid).toBe(document.cid)
  expect(readFileSync(manifest)).toEqual(bytes)
})

test('models: sealing names a file that is missing, and a manifest that is none', async () => {
  await expect(sealFiles(modelFolder({ files: { weights: { path: 'gone.bin' } } }).manifest)).rejects.toThrow(
    /gone/u
  )
  await expect(sealFiles(modelFolder({ files: { weights: { path: '../x' } } }).manifest)).rejects.toThrow(
    /outside|missing/u
  )
  await expect(sealFiles(modelFolder({ files: 5 }).manifest)).rejects.toThrow(/files/u)
})

test('models: manifests are found in a folder and right below it', async () => {
  const { folder, manifest } = modelFolder()
  expect(await findManifests(manifest)).toEqual([manifest])
  expect(await findManifests(folder)).toEqual([manifest])
  expect(await findManifests(join(folder, '..'))).toEqual([manifest])
  expect(await findOneManifest(folder)).toBe(manifest)
  await expect(findManifests(join(folder, 'nothing'))).rejects.toThrow(ConfigError)
  await expect(findOneManifest(join(folder, 'test-vectors'))).rejects.toThrow(/no \*\.manifest\.json/u)
  writeFileSync(join(folder, 'other.manifest.json'), '{}')
  await expect(findOneManifest(folder)).rejects.toThrow(/name one of them/u)
})

test('models: one that is added lies in the data directory, whole, under its CID', async () => {
  const document = await sealFiles(modelFolder().manifest)
  const dataDir = temporaryDirectory()
  const folder = await addModel(document, dataDir)
  expect(folder).toBe(join(dataDir, 'models', document.cid))
  expect(await addModel(document, dataDir)).toBe(folder)
  const [found = ''] = await findManifests(join(dataDir, 'models'))
  expect((await readManifest(found)).cid).toBe(document.cid)
  expect(readFileSync(join(folder, 'weights.bin'), 'utf8')).toBe('weights')
  expect(readFileSync(join(folder, 'test-vectors/a.txt'), 'utf8')).toBe('a')
  expect(readdirSync(join(dataDir, 'models'))).toEqual([document.cid])
})

test('models: a new one is a copy under its own name, and replaces nothing', async () => {
  const document = await sealFiles(modelFolder().manifest)
  const folder = join(temporaryDirectory(), 'copy')
  const manifest = await copyModel(document, 'copy', folder)
  const copied = await readManifest(manifest)
  expect(copied.manifest).toMatchObject({
    name: 'copy',
    files: document.manifest.files,
    settings: { kept: true }
  })
  expect(copied.cid).not.toBe(document.cid)
  expect(readFileSync(join(folder, 'weights.bin'), 'utf8')).toBe('weights')
  await expect(copyModel(document, 'copy', folder)).rejects.toThrow(ConfigError)
})

test('models: the code of a new architecture compiles for every task, and answers in the form of the task', async () => {
  // Below the repository, so that its packages are found.
  mkdirSync(join(packageRoot, '.buffalo'), { recursive: true })
  const root = mkdtempSync(join(packageRoot, '.buffalo', 'skeletons-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  mkdirSync(join(root, 'models'))
  symlinkSync(join(packageRoot, 'src'), join(root, 'src'))
  symlinkSync(join(packageRoot, 'models/tools'), join(root, 'models/tools'))
  for (const task of registry.tasks()) {
    const folder = join(root, 'models', task.name)
    mkdirSync(folder)
    symlinkSync(join(packageRoot, 'models', task.name, 'task.ts'), join(folder, 'task.ts'))
    const { code, manifest } = await writeArchitecture(task, 'new-one', folder)
    const { architecture } = (await import(code)) as { architecture: Architecture<unknown, unknown> }
    const document = await sealFiles(manifest)
    const model = await architecture.load(document.manifest, { path: () => '' })
    const input = readFileSync(join(folder, document.manifest.testVectors[0]?.input ?? ''))
    const output = await model.run(task.input.fromContent(input), Buffer.from([1]), {
      reads: [new Uint8Array(32)]
    })
    expect(task.output.schema.safeParse(output).success, task.name).toBe(true)
    expect(task.output.encode(output), task.name).toMatch(/^0x/u)
    await expect(writeArchitecture(task, 'new-one', folder)).rejects.toThrow(ConfigError)
  }
  writeFileSync(
    join(root, 'tsconfig.json'),
    JSON.stringify({
      extends: join(packageRoot, 'tsconfig.json'),
      compilerOptions: {
        noEmit: true,
        incremental: false,
        tsBuildInfoFile: null,
        preserveSymlinks: false,
        rootDir: '/'
      },
      include: ['models/*/new-one.ts']
    })
  )
  const { stdout, status } = spawnSync(join(packageRoot, 'node_modules/.bin/tsc'), ['-p', root], {
    encoding: 'utf8'
  })
  expect({ stdout, status }).toEqual({ stdout: '', status: 0 })
  expect(existsSync(join(root, 'models/tensor/new-one.manifest.json'))).toBe(true)
})
