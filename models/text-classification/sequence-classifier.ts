import { z } from 'zod'
import { type Architecture, ManifestError } from '../../src/interface/index.js'
import { readModelJson, readSettings } from '../tools/json-file.js'
import { bestLabels } from '../tools/labels.js'
import { openGraph } from '../tools/onnx.js'
import { encodeText } from '../tools/text-encoder.js'
import { openTokenizer } from '../tools/tokenizer.js'
import { sigmoid, softmax } from '../tools/vectors.js'
import type { TextClassificationInput, TextClassificationOutput } from './task.js'

/**
 * Networks of Hugging Face's layout for sequence classification: `logits`, a number a label. DistilBERT, RoBERTa and their
 * like. Files: `model` (the graph), `tokenizer`, `config`, and if there is one `tokenizerConfig`.
 */

const settingsSchema = z.strictObject({
  /** Longer texts lose their end. */
  maxTokens: z.int().min(1).max(100_000),
  /** How many labels an answer has. */
  labels: z.int().min(1).max(1_000).default(5)
})

const configSchema = z.looseObject({
  id2label: z.record(z.string().regex(/^\d{1,6}$/u), z.string().max(1_000)),
  problem_type: z.string().nullish()
})

export const architecture: Architecture<TextClassificationInput, TextClassificationOutput> = {
  name: 'sequence-classifier',

  async load(manifest, files) {
    const settings = readSettings(manifest, settingsSchema)
    const { id2label, problem_type } = await readModelJson(manifest, files, 'config', configSchema)
    const names = Object.keys(id2label).map((_, index) => id2label[index] ?? `LABEL_${index}`)
    const tokenizer = await openTokenizer(manifest, files)
    const graph = await openGraph(files.path('model'), manifest)
    // Labels that do not exclude each other have a probability each.
    const probabilities = problem_type === 'multi_label_classification' ? sigmoid : softmax
    return {
      // The network draws nothing at random, so the seed has no say.
      async run({ text }) {
        const { data } = await encodeText(graph, tokenizer, text, {
          maxTokens: settings.maxTokens,
          output: 'logits'
        })
        if (data.length !== names.length) {
          throw new ManifestError(
            `The graph answered ${data.length} logits, and config.json names ${names.length} labels`
          )
        }
        return bestLabels(probabilities(data), names, settings.labels)
      },
      close: () => graph.release()
    }
  }
}
