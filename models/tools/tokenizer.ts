import { Tokenizer } from '@huggingface/tokenizers'
import { z } from 'zod'
import { type Manifest, ManifestError, type ModelFiles } from '../../src/interface/index.js'
import { readModelJson, readOptionalModelJson } from './json-file.js'

/** Text to token numbers and back, as a model learned it. */
export interface TextTokenizer {
  /** With the special tokens that the model wants around a text. At most `maxTokens`: the text's end is cut off, never those. */
  encode(text: string, maxTokens?: number): number[]
  /** Without special tokens. Bytes that are no UTF-8, such as half a character, become U+FFFD. */
  decode(tokens: number[]): string
}

/**
 * Opens Hugging Face's `tokenizer.json` (in the manifest: `tokenizer`), and `tokenizer_config.json` (`tokenizerConfig`) if the
 * model has one. Throws ManifestError.
 */
export async function openTokenizer(manifest: Manifest, files: ModelFiles): Promise<TextTokenizer> {
  const schema = z.looseObject({})
  const tokenizer = await readModelJson(manifest, files, 'tokenizer', schema)
  const config = await readOptionalModelJson(manifest, files, 'tokenizerConfig', schema)
  try {
    const library: TokenizerLibrary = new Tokenizer(tokenizer, config ?? {})
    return textTokenizer(library)
  } catch (err) {
    throw new ManifestError(`Model ${manifest.name}: the file "tokenizer" is no tokenizer.json`, {
      cause: err
    })
  }
}

/** What is used of the library, whose own types do not resolve under Node's rules. */
export interface TokenizerLibrary {
  encode(text: string, options?: { add_special_tokens: boolean }): { ids: number[] }
  decode(
    tokens: number[],
    options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean }
  ): string
}

export function textTokenizer(tokenizer: TokenizerLibrary): TextTokenizer {
  return {
    encode(text, maxTokens = Number.POSITIVE_INFINITY) {
      const whole = tokenizer.encode(text).ids
      if (whole.length <= maxTokens) {
        return whole
      }
      const inner = tokenizer.encode(text, { add_special_tokens: false }).ids
      const special = whole.length - inner.length
      const before = whole.findIndex((_, at) => inner.every((token, index) => whole[at + index] === token))
      const after = whole.slice(before + inner.length)
      return [...whole.slice(0, before), ...inner.slice(0, Math.max(0, maxTokens - special)), ...after].slice(
        0,
        maxTokens
      )
    },
    decode: tokens =>
      tokenizer.decode(tokens, { skip_special_tokens: true, clean_up_tokenization_spaces: false })
  }
}
