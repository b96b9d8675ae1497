import { z } from 'zod'
import {
  type Architecture,
  FailureCode,
  JobFailedError,
  type Manifest,
  ManifestError
} from '../../src/interface/index.js'
import { floatsOf, floatTensor } from '../tools/float-tensors.js'
import { readModelJson, readOptionalModelJson, readSettings } from '../tools/json-file.js'
import { openGraph } from '../tools/onnx.js'
import { decodeWav, resampled } from '../tools/wav.js'
import { type CtcVocabulary, greedyText, normalised } from './ctc/decode.js'
import type { SpeechRecognitionInput, SpeechRecognitionOutput } from './task.js'

/**
 * Speech recognisers with CTC, as Hugging Face's Optimum exports them (wav2vec 2.0, HuBERT, WavLM): `input_values`, the samples,
 * to `logits`. Files: `model` (the graph), `vocabulary` (vocab.json), `preprocessorConfig`, and `tokenizerConfig` if the blank is
 * not `<pad>`.
 */

const settingsSchema = z.strictObject({
  /** A longer sound is refused: attention over minutes takes gigabytes. */
  maxSeconds: z.int().min(1).max(600).default(30)
})

/** 10,000: the largest alphabets in use, Chinese ones, have half as many. */
const vocabularySchema = z
  .record(z.string().max(100), z.int().min(0).max(9_999))
  .refine(tokens => Object.keys(tokens).length > 0, 'is empty')

const preprocessorSchema = z.object({
  sampling_rate: z.int().min(8_000).max(48_000).default(16_000),
  do_normalize: z.boolean().default(true)
})

const tokenizerSchema = z.object({ pad_token: z.string().default('<pad>') })

/** 25 ms of 16 kHz: what the first step of such a network takes in. */
const leastSamples = 400

export const architecture: Architecture<SpeechRecognitionInput, SpeechRecognitionOutput> = {
  name: 'ctc',

  async load(manifest, files) {
    const { maxSeconds } = readSettings(manifest, settingsSchema)
    const ids = await readModelJson(manifest, files, 'vocabulary', vocabularySchema)
    const preprocessor = await readModelJson(manifest, files, 'preprocessorConfig', preprocessorSchema)
    const tokenizer = await readOptionalModelJson(manifest, files, 'tokenizerConfig', tokenizerSchema)
    const vocabulary = vocabularyOf(manifest, ids, tokenizer?.pad_token ?? '<pad>')
    const graph = await openGraph(files.path('model'), manifest)
    return {
      // The network draws nothing at random, so the seed has no say.
      async run({ audio }) {
        const sound = decodeWav(audio)
        const seconds = sound.samples.length / sound.sampleRate
        if (seconds > maxSeconds) {
          throw new JobFailedError(
            FailureCode.InputTooLarge,
            `The sound lasts ${seconds.toFixed(1)} s: at most ${maxSeconds} s are taken`
          )
        }
        const { samples } = resampled(sound, preprocessor.sampling_rate)
        if (samples.length < leastSamples) {
          return { text: '' }
        }
        const values = preprocessor.do_normalize ? normalised(samples) : samples
        const outputs = await graph.run({
          input_values: floatTensor(graph, 'input_values', values, [1, values.length])
        })
        const { data, shape } = floatsOf(graph, outputs, 'logits')
        if (shape.at(-1) !== vocabulary.tokens.length) {
          throw new ManifestError(
            `Model ${manifest.name}: the network knows ${shape.at(-1)} tokens, the vocabulary ${vocabulary.tokens.length}`
          )
        }
        return { text: greedyText(data, vocabulary) }
      },
      close: () => graph.release()
    }
  }
}

function vocabularyOf({ name }: Manifest, ids: Record<string, number>, blankToken: string): CtcVocabulary {
  const tokens: string[] = []
  for (const [token, id] of Object.entries(ids)) {
    tokens[id] = token
  }
  const blank = ids[blankToken]
  if (blank === undefined || tokens.length !== Object.keys(ids).length) {
    throw new ManifestError(
      `Model ${name}: vocab.json must number its tokens without gaps, and have the blank "${blankToken}"`
    )
  }
  return { tokens, blank }
}
