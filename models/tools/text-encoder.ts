import { FailureCode, JobFailedError } from '../../src/interface/index.js'
import type { Graph } from './onnx.js'
import { floatOutput } from './onnx.js'
import { tokenFeeds } from './token-feeds.js'
import type { TextTokenizer } from './tokenizer.js'

/** One float32 output of a graph that reads one text. */
export interface TextOutput {
  data: Float32Array
  shape: readonly number[]
}

/**
 * Runs a graph of Hugging Face's layout (`input_ids`, `attention_mask`, …) on a text; its end is cut off beyond `maxTokens`.
 * Throws JobFailedError(InvalidInput) for a text without any token.
 */
export async function encodeText(
  graph: Graph,
  tokenizer: TextTokenizer,
  text: string,
  { maxTokens, output }: { maxTokens: number; output: string }
): Promise<TextOutput> {
  const tokens = tokenizer.encode(text, maxTokens)
  if (tokens.length === 0) {
    throw new JobFailedError(FailureCode.InvalidInput, 'The text has nothing that the model can read')
  }
  return floatOutput(await graph.run(tokenFeeds(graph, tokens)), output)
}
