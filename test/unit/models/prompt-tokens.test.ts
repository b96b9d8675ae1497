import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dataFolder } from '../../../models/index.js'
import { openPromptTokens } from '../../../models/text-to-image/stable-diffusion/prompt-tokens.js'
import { type Manifest, ManifestError, type ModelFiles } from '../../../src/interface/index.js'

const tokenizerFile = path.join(dataFolder, 'text-to-image', 'emoji-diffusion', 'tokenizer', 'tokenizer.json')
let folder: string
let vocabulary: Record<string, number>

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'prompt-tokens-'))
  vocabulary = JSON.parse(await readFile(tokenizerFile, 'utf8')).model.vocab
})
afterAll(() => rm(folder, { recursive: true }))

const manifest = (...keys: string[]): Manifest => ({
  name: 'test',
  task: 'text-to-image',
  architecture: 'stable-diffusion',
  licence: 'MIT',
  description: '',
  runtime: { kind: 'native', threads: 1, optimisation: 'all' },
  files: Object.fromEntries(keys.map(key => [key, { path: key, cid: '', sizeBytes: 0 }])),
  settings: {},
  testVectors: []
})

async function open(config: object) {
  const configFile = path.join(folder, 'tokenizer_config.json')
  await writeFile(configFile, JSON.stringify(config))
  const files: ModelFiles = { path: key => (key === 'tokenizer' ? tokenizerFile : configFile) }
  return openPromptTokens(manifest('tokenizer', 'tokenizerConfig'), files)
}

const words = (text: string): (number | undefined)[] => text.split(' ').map(word => vocabulary[word])
const [pad, unknown, start, end] = [0, 1, 2, 3]

test('prompt tokens: a prompt is filled up to the length of the text encoder', async () => {
  const tokens = await open({ model_max_length: 8, pad_token: '[PAD]' })
  expect(tokens.encode('A red APPLE')).toEqual([start, ...words('a red apple'), end, pad, pad, pad])
  expect(tokens.encode('')).toEqual([start, end, pad, pad, pad, pad, pad, pad])
})

test('prompt tokens: a long prompt loses its end, not the special tokens', async () => {
  const tokens = await open({ model_max_length: 5, pad_token: '[PAD]' })
  expect(tokens.encode('red apple red apple red apple')).toEqual([start, ...words('red apple red'), end])
})

test('prompt tokens: a word that the model does not know', async () => {
  const tokens = await open({ model_max_length: 4, pad_token: '[PAD]' })
  expect(tokens.encode('zeppelin cat')).toEqual([start, unknown, vocabulary['cat'], end])
})

test("prompt tokens: filled up with the end token, as CLIP's, where the config names no other", async () => {
  const tokens = await open({ model_max_length: 4, eos_token: { content: '<|endoftext|>' } })
  expect(tokens.encode('cat')).toEqual([start, vocabulary['cat'], end, end])
})

test('prompt tokens: refuses a length beyond all text encoders, and a padding that is no token', async () => {
  await expect(open({ model_max_length: 1e30 })).rejects.toThrow(ManifestError)
  await expect(open({ model_max_length: 8, pad_token: 'zeppelin' })).rejects.toThrow(ManifestError)
})
