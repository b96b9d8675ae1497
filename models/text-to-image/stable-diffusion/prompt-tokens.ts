import { z } from 'zod'
import { type Manifest, ManifestError, type ModelFiles } from '../../../src/interface/index.js'
import { readModelJson, readOptionalModelJson } from '../../tools/json-file.js'
import { openTokenizer } from '../../tools/tokenizer.js'

/** A prompt as numbers, always as many. */
export interface PromptTokens {
  /** Cut off or filled up to the text encoder's length. */
  encode(prompt: string): number[]
}

const tokenSchema = z.union([
  z.string(),
  z.object({ content: z.string() }).transform(({ content }) => content)
])

const configSchema = z.object({
  /** CLIP's 77; a config without a limit says 1e30. */
  model_max_length: z.number().min(1).default(77),
  pad_token: tokenSchema.nullish(),
  eos_token: tokenSchema.nullish()
})

const tokenizerSchema = z.object({
  added_tokens: z.array(z.object({ id: z.int(), content: z.string() })).default([]),
  model: z.object({ vocab: z.unknown() })
})

/** No text encoder of Stable Diffusion takes more. */
const mostTokens = 512

/** Throws ManifestError. */
export async function openPromptTokens(manifest: Manifest, files: ModelFiles): Promise<PromptTokens> {
  const tokenizer = await openTokenizer(manifest, files)
  const config =
    (await readOptionalModelJson(manifest, files, 'tokenizerConfig', configSchema)) ?? configSchema.parse({})
  const { added_tokens, model } = await readModelJson(manifest, files, 'tokenizer', tokenizerSchema)
  const padding = config.pad_token ?? config.eos_token ?? '<|endoftext|>'
  const id =
    added_tokens.find(({ content }) => content === padding)?.id ?? idInVocabulary(model.vocab, padding)
  if (id === undefined) {
    throw new ManifestError(`Model ${manifest.name}: the tokenizer has no token "${padding}" to fill up with`)
  }
  const length = config.model_max_length
  if (length > mostTokens) {
    throw new ManifestError(
      `Model ${manifest.name}: tokenizerConfig: model_max_length is ${length}: set it to the text encoder's, at most ${mostTokens}`
    )
  }
  return {
    encode(prompt) {
      const tokens = tokenizer.encode(prompt, length)
      return [...tokens, ...Array.from({ length: length - tokens.length }, () => id)]
    }
  }
}

function idInVocabulary(vocabulary: unknown, token: string): number | undefined {
  const ids = z.record(z.string(), z.int()).safeParse(vocabulary)
  return ids.success ? ids.data[token] : undefined
}
