import { z } from 'zod'
import { type Manifest, ManifestError, type ModelFiles } from '../../../src/interface/index.js'
import { readModelJson, readOptionalModelJson, readSettings } from '../../tools/json-file.js'
import type { SamplingSettings } from './sampling.js'

/** Above what any decoder has today, and far below what would exhaust memory by the numbers alone. */
const dimension = z.int().min(1).max(1_000_000)
const tokens = z.union([z.int().min(0), z.array(z.int().min(0)).max(100)])

/** Of Hugging Face's config.json; GPT-2's names stand beside the usual ones. */
const configSchema = z.looseObject({
  hidden_size: dimension.optional(),
  n_embd: dimension.optional(),
  num_attention_heads: dimension.optional(),
  n_head: dimension.optional(),
  num_key_value_heads: dimension.optional(),
  head_dim: dimension.nullish(),
  max_position_embeddings: dimension.optional(),
  n_positions: dimension.optional(),
  bos_token_id: z.int().min(0).nullish(),
  eos_token_id: tokens.nullish()
})

const temperature = z.number().min(0).max(100)
const topK = z.int().min(0).max(1_000_000)
const topP = z.number().gt(0).max(1)
const repetitionPenalty = z.number().gt(0).max(100)

const generationSchema = z.looseObject({
  bos_token_id: z.int().min(0).nullish(),
  eos_token_id: tokens.nullish(),
  do_sample: z.boolean().optional(),
  temperature: temperature.nullish(),
  top_k: topK.nullish(),
  top_p: topP.nullish(),
  repetition_penalty: repetitionPenalty.nullish()
})

const settingsSchema = z.strictObject({
  /** Of the answer. */
  maxNewTokens: z.int().min(1).max(8_192),
  /** These override generation_config.json. */
  temperature: temperature.optional(),
  topK: topK.optional(),
  topP: topP.optional(),
  repetitionPenalty: repetitionPenalty.optional(),
  /** What the network reads, with `{prompt}` in it: for models that follow a chat's form. */
  promptTemplate: z
    .string()
    .max(10_000)
    .refine(text => text.includes('{prompt}'), 'must hold {prompt}')
    .default('{prompt}')
})

export interface DecoderConfig {
  /** Tokens of prompt and answer together. */
  contextTokens: number
  /** The first token of a text; undefined where the model has none. */
  bosToken: number | undefined
  /** Tokens that end a text. */
  eosTokens: ReadonlySet<number>
  /** Of the key/value cache. */
  heads: number
  headSize: number
  maxNewTokens: number
  promptTemplate: string
  sampling: SamplingSettings
}

/** From the settings, generation_config.json (if there is one) and config.json. Throws ManifestError. */
export async function readDecoderConfig(manifest: Manifest, files: ModelFiles): Promise<DecoderConfig> {
  const settings = readSettings(manifest, settingsSchema)
  const config = await readModelJson(manifest, files, 'config', configSchema)
  const generation =
    (await readOptionalModelJson(manifest, files, 'generationConfig', generationSchema)) ?? {}
  const need = (value: number | null | undefined, key: string): number => {
    if (value === undefined || value === null) {
      throw new ManifestError(`Model ${manifest.name}: the file "config" lacks ${key}`)
    }
    return value
  }
  const attentionHeads = need(config.num_attention_heads ?? config.n_head, 'num_attention_heads')
  const width = need(config.hidden_size ?? config.n_embd, 'hidden_size')
  const eos = generation.eos_token_id ?? config.eos_token_id ?? []
  return {
    contextTokens: need(config.max_position_embeddings ?? config.n_positions, 'max_position_embeddings'),
    bosToken: generation.bos_token_id ?? config.bos_token_id ?? undefined,
    eosTokens: new Set(typeof eos === 'number' ? [eos] : eos),
    heads: config.num_key_value_heads ?? attentionHeads,
    headSize: config.head_dim ?? width / attentionHeads,
    maxNewTokens: settings.maxNewTokens,
    promptTemplate: settings.promptTemplate,
    sampling: {
      // Without sampling Hugging Face takes the most probable token, which is temperature 0.
      temperature:
        settings.temperature ?? (generation.do_sample === false ? 0 : (generation.temperature ?? 1)),
      topK: settings.topK ?? generation.top_k ?? 50,
      topP: settings.topP ?? generation.top_p ?? 1,
      repetitionPenalty: settings.repetitionPenalty ?? generation.repetition_penalty ?? 1
    }
  }
}
