import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type DecoderConfig, readDecoderConfig } from '../../../../models/text-generation/decoder/config.js'
import { encodePrompt } from '../../../../models/text-generation/decoder.js'
import type { TextTokenizer } from '../../../../models/tools/tokenizer.js'
import { FailureCode, type Manifest, ManifestError } from '../../../../src/interface/index.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'buffalo-decoder-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function read(
  config: object,
  generationConfig?: object,
  settings: Manifest['settings'] = { maxNewTokens: 10 }
): Promise<DecoderConfig> {
  const contents = { config, ...(generationConfig && { generationConfig }) }
  for (const [name, content] of Object.entries(contents)) {
    await writeFile(path.join(folder, name), JSON.stringify(content))
  }
  const file = { path: 'x', cid: 'x', sizeBytes: 0 }
  const manifest: Manifest = {
    name: 'test',
    task: 'text-generation',
    architecture: 'decoder',
    licence: 'MIT',
    description: '',
    runtime: { kind: 'canonical', threads: 1, optimisation: 'all' },
    files: Object.fromEntries(Object.keys(contents).map(name => [name, file])),
    settings,
    testVectors: []
  }
  return readDecoderConfig(manifest, { path: name => path.join(folder, name) })
}

const llama = {
  hidden_size: 576,
  num_attention_heads: 9,
  num_key_value_heads: 3,
  max_position_embeddings: 8192,
  bos_token_id: 1,
  eos_token_id: 2
}

describe('decoder config', () => {
  test("Llama's names, and the defaults of Hugging Face", async () => {
    expect(await read(llama)).toEqual({
      contextTokens: 8192,
      bosToken: 1,
      eosTokens: new Set([2]),
      heads: 3,
      headSize: 64,
      maxNewTokens: 10,
      promptTemplate: '{prompt}',
      sampling: { temperature: 1, topK: 50, topP: 1, repetitionPenalty: 1 }
    })
  })

  test("GPT-2's names", async () => {
    const config = await read({ n_embd: 768, n_head: 12, n_positions: 1024, eos_token_id: 50256 })
    expect(config).toMatchObject({ contextTokens: 1024, heads: 12, headSize: 64, bosToken: undefined })
  })

  test('generation_config.json goes before config.json, and settings before both', async () => {
    const generation = { eos_token_id: [2, 7], temperature: 0.6, top_k: 20, top_p: 0.9 }
    const config = await read(llama, generation, { maxNewTokens: 5, topK: 0 })
    expect(config.eosTokens).toEqual(new Set([2, 7]))
    expect(config.sampling).toEqual({ temperature: 0.6, topK: 0, topP: 0.9, repetitionPenalty: 1 })
  })

  test('a model that does not sample takes the most probable token', async () => {
    expect((await read(llama, { do_sample: false, temperature: 0.6 })).sampling.temperature).toBe(0)
  })

  test('what is missing or out of bounds is refused by name', async () => {
    await expect(read({ ...llama, hidden_size: undefined })).rejects.toThrow(/hidden_size/u)
    await expect(read({ ...llama, max_position_embeddings: 1e12 })).rejects.toThrow(ManifestError)
    await expect(read(llama, undefined, {})).rejects.toThrow(/maxNewTokens/u)
    await expect(read(llama, undefined, { maxNewTokens: 5, topp: 1 })).rejects.toThrow(/topp/u)
    await expect(read(llama, { top_p: 0 })).rejects.toThrow(/top_p/u)
    await expect(read(llama, undefined, { maxNewTokens: 5, promptTemplate: 'x' })).rejects.toThrow(
      /\{prompt\}/u
    )
  })
})

/** A token a letter. */
const letters: TextTokenizer = {
  encode: text => Array.from(text, letter => letter.codePointAt(0) ?? 0),
  decode: tokens => String.fromCodePoint(...tokens)
}

describe('prompt', () => {
  const config = async (more: Partial<DecoderConfig> = {}): Promise<DecoderConfig> => ({
    ...(await read(llama)),
    ...more
  })

  test('is put into the template as it is, signs of replacement patterns included', async () => {
    const tokens = encodePrompt(await config({ promptTemplate: '<{prompt}>' }), letters, "$&$'{prompt}")
    expect(letters.decode(tokens)).toBe("<$&$'{prompt}>")
  })

  test('that is empty becomes the first token of a text, where the model has one', async () => {
    expect(encodePrompt(await config(), letters, '')).toEqual([1])
    const none = await config({ bosToken: undefined })
    expect(() => encodePrompt(none, letters, '')).toThrow(
      expect.objectContaining({ failureCode: FailureCode.InvalidInput })
    )
  })

  test('that fills the context fails', async () => {
    const small = await config({ contextTokens: 4 })
    expect(encodePrompt(small, letters, 'abc')).toHaveLength(3)
    expect(() => encodePrompt(small, letters, 'abcd')).toThrow(
      expect.objectContaining({ failureCode: FailureCode.InputTooLarge })
    )
  })
})
