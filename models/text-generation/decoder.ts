import { type Architecture, FailureCode, JobFailedError } from '../../src/interface/index.js'
import { openGraph } from '../tools/onnx.js'
import { seededRandom } from '../tools/random.js'
import { openTokenizer, type TextTokenizer } from '../tools/tokenizer.js'
import { type DecoderConfig, readDecoderConfig } from './decoder/config.js'
import { type DecoderState, decoderNetwork } from './decoder/network.js'
import { chooseToken } from './decoder/sampling.js'
import type { TextGenerationInput, TextGenerationOutput } from './task.js'

/**
 * Decoder-only transformers, as Hugging Face's Optimum exports them: GPT-2, Llama, SmolLM, Qwen and their like. Files: `model`
 * (the graph), `tokenizer`, `config`, and if there is one `generationConfig` and `tokenizerConfig`.
 */
export const architecture: Architecture<TextGenerationInput, TextGenerationOutput> = {
  name: 'decoder',
  usesSeed: ({ settings }) => settings['temperature'] !== 0,

  async load(manifest, files) {
    const config = await readDecoderConfig(manifest, files)
    const tokenizer = await openTokenizer(manifest, files)
    const graph = await openGraph(files.path('model'), manifest)
    const network = decoderNetwork(graph, config.heads, config.headSize)
    return {
      run: async ({ text }, seed) => ({
        text: await continueText({ config, tokenizer, state: network.start() }, text, seed)
      }),
      close: () => graph.release()
    }
  }
}

interface Generation {
  config: DecoderConfig
  tokenizer: TextTokenizer
  state: DecoderState
}

async function continueText(
  { config, tokenizer, state }: Generation,
  prompt: string,
  seed: Uint8Array
): Promise<string> {
  const random = seededRandom(seed)
  const promptTokens = encodePrompt(config, tokenizer, prompt)
  const limit = Math.min(config.maxNewTokens, config.contextTokens - promptTokens.length)
  const answer: number[] = []
  let logits = await state.read(promptTokens)
  while (answer.length < limit) {
    const token = chooseToken(logits, [...promptTokens, ...answer], config.sampling, random)
    if (config.eosTokens.has(token)) {
      break
    }
    answer.push(token)
    if (answer.length < limit) {
      logits = await state.read([token])
    }
  }
  return decodeAnswer(tokenizer, promptTokens, answer)
}

/** Throws JobFailedError where the prompt leaves no room for an answer. */
export function encodePrompt(
  { promptTemplate, bosToken, contextTokens }: DecoderConfig,
  tokenizer: TextTokenizer,
  prompt: string
): number[] {
  // A function, because a prompt may hold what replace() takes for a pattern: $&.
  const tokens = tokenizer.encode(promptTemplate.replace('{prompt}', () => prompt))
  if (tokens.length === 0 && bosToken !== undefined) {
    return [bosToken]
  }
  if (tokens.length === 0) {
    throw new JobFailedError(FailureCode.InvalidInput, 'The prompt is empty, and this model needs one')
  }
  if (tokens.length >= contextTokens) {
    throw new JobFailedError(
      FailureCode.InputTooLarge,
      `The prompt has ${tokens.length} tokens: this model takes at most ${contextTokens - 1}`
    )
  }
  return tokens
}

/** Decoded together with the prompt, because some tokenizers drop the space before a text's first word. */
function decodeAnswer(tokenizer: TextTokenizer, prompt: number[], answer: number[]): string {
  const before = tokenizer.decode(prompt)
  const whole = tokenizer.decode([...prompt, ...answer])
  return whole.startsWith(before) ? whole.slice(before.length) : tokenizer.decode(answer)
}
