import { readFile } from 'node:fs/promises'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { task } from '../../../models/image-to-text/task.js'
import { createModelRegistry, openModelFiles } from '../../../models/index.js'
import { FailureCode, type LoadedModel, ManifestError, NotFoundError } from '../../../src/interface/index.js'

const samplesFolder = new URL('../../../node/testnet/samples/', import.meta.url)
const registry = await createModelRegistry()
const document = registry.manifests().find(({ manifest }) => manifest.name === 'pp-ocrv4-ch')
let model: LoadedModel<unknown, unknown>

beforeAll(async () => {
  if (document === undefined) {
    throw new Error('The registry did not find the manifest pp-ocrv4-ch')
  }
  const architecture = await registry.architecture('image-to-text', 'pp-ocr')
  model = await architecture.load(document.manifest, await openModelFiles(document))
})

afterAll(() => model.close())

test('registry: finds the task by name, alias and contract, and its architecture', async () => {
  for (const name of ['image-to-text', 'ImageToText', 'ocr']) {
    expect(registry.task(name)).toBe(task)
  }
  expect(registry.architectures('image-to-text')).toEqual(['pp-ocr'])
  expect(() => registry.task('none')).toThrow(NotFoundError)
  await expect(registry.architecture('image-to-text', 'none')).rejects.toThrow(NotFoundError)
})

test('samples: the model reads each exactly, and each is small enough to go on chain', async () => {
  const samples: Record<string, string> = JSON.parse(
    await readFile(new URL('samples.json', samplesFolder), 'utf8')
  )
  expect(Object.keys(samples).length).toBeGreaterThanOrEqual(8)
  for (const [file, text] of Object.entries(samples)) {
    const image = await readFile(new URL(file, samplesFolder))
    expect(image.length, file).toBeLessThan(8 * 1024)
    expect(await model.run({ image }, new Uint8Array()), file).toEqual({ text })
  }
})

test('turned picture: a page on its side is read along its own lines', async () => {
  const image = await readFile(new URL('invoice.png', samplesFolder))
  const upright = await model.run({ image }, new Uint8Array())
  for (const degrees of [90, 270]) {
    const turned = await sharp(image).rotate(degrees).png().toBuffer()
    expect(await model.run({ image: turned }, new Uint8Array())).toEqual(upright)
  }
})

test('settings: the architecture refuses settings that it does not know', async () => {
  if (document !== undefined) {
    const architecture = await registry.architecture('image-to-text', 'pp-ocr')
    const files = await openModelFiles(document)
    const settings = { ...document.manifest.settings, typo: 1 }
    await expect(architecture.load({ ...document.manifest, settings }, files)).rejects.toThrow(ManifestError)
  }
})

test('task: refuses what is no picture and what is too large', () => {
  const failure = (code: FailureCode) => expect.objectContaining({ failureCode: code })
  const encoded = (image: Uint8Array) => Buffer.from(task.input.encode({ image }).slice(2), 'hex')
  expect(() => task.input.decode(encoded(Buffer.from('GIF89a')))).toThrow(failure(FailureCode.InvalidInput))
  expect(() => task.input.decode(Buffer.from('00', 'hex'))).toThrow(failure(FailureCode.InvalidInput))
  const png = Buffer.alloc(4 * 1024 * 1024 + 1)
  png.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  expect(() => task.input.fromContent(png)).toThrow(failure(FailureCode.InputTooLarge))
  expect(task.input.fromContent(png.subarray(0, 100)).image).toHaveLength(100)
})
