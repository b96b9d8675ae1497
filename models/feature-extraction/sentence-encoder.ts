import { z } from 'zod'
import { type Architecture, ManifestError } from '../../src/interface/index.js'
import { readSettings } from '../tools/json-file.js'
import { openGraph } from '../tools/onnx.js'
import { encodeText } from '../tools/text-encoder.js'
import { openTokenizer } from '../tools/tokenizer.js'
import { meanOfRows, normalised } from '../tools/vectors.js'
import type { FeatureExtractionInput, FeatureExtractionOutput } from './task.js'

/**
 * Encoders of Hugging Face's layout that give a vector a token, as sentence-transformers uses them: all-MiniLM-L6-v2, BGE, E5
 * and their like. Files: `model` (the graph), `tokenizer`, and if there is one `tokenizerConfig`.
 */

const settingsSchema = z.strictObject({
  /** Longer texts lose their end. */
  maxTokens: z.int().min(1).max(100_000),
  /** `mean` of the tokens' vectors, or that of the first token. */
  pooling: z.enum(['mean', 'cls']).default('mean'),
  /** To length 1. */
  normalise: z.boolean().default(true),
  /** Some models want `query: ` before a text. */
  prefix: z.string().max(1_000).default(''),
  /** Of the graph: [batch, tokens, width]. */
  output: z.string().default('last_hidden_state')
})

export const architecture: Architecture<FeatureExtractionInput, FeatureExtractionOutput> = {
  name: 'sentence-encoder',

  async load(manifest, files) {
    const settings = readSettings(manifest, settingsSchema)
    const tokenizer = await openTokenizer(manifest, files)
    const graph = await openGraph(files.path('model'), manifest)
    return {
      // The network draws nothing at random, so the seed has no say.
      async run({ text }) {
        const { data, shape } = await encodeText(graph, tokenizer, settings.prefix + text, settings)
        const width = shape.at(-1) ?? 0
        if (shape.length !== 3 || width === 0) {
          throw new ManifestError(
            `The graph's output ${settings.output} has the shape ${shape.join('×')}, not batch × tokens × width`
          )
        }
        const pooled =
          settings.pooling === 'mean' ? meanOfRows(data, width) : Array.from(data.slice(0, width))
        return { embedding: settings.normalise ? normalised(pooled) : pooled }
      },
      close: () => graph.release()
    }
  }
}
