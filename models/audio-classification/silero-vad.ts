import { z } from 'zod'
import type { Architecture } from '../../src/interface/index.js'
import { readSettings } from '../tools/json-file.js'
import { floatOutput, type Graph, openGraph, Tensor } from '../tools/onnx.js'
import { decodeWav, resampled } from '../tools/wav.js'
import { speechSegments } from './silero-vad/segments.js'
import type { AudioClassificationInput, AudioClassificationOutput } from './task.js'

/**
 * Silero VAD, version 5 and later (https://github.com/snakers4/silero-vad): a recurrent network tells of every 32 ms how likely
 * it is that somebody speaks. Answered are the parts with speech, label `speech`. File: `model`.
 */

const probability = z.number().min(0).max(1)
const settingsSchema = z.strictObject({
  /** Speech begins at this probability. */
  threshold: probability.default(0.5),
  /** Speech ends below this one. */
  endThreshold: probability.default(0.35),
  /** Shorter speech is dropped. */
  minSpeechMs: z.int().min(0).max(60_000).default(250),
  /** A shorter pause does not part two segments. */
  minSilenceMs: z.int().min(0).max(60_000).default(100),
  /** Added before and after each segment. */
  padMs: z.int().min(0).max(10_000).default(30)
})

const sampleRate = 16_000
/** Samples a step, and how many of the last step's are shown again: as the network was trained. */
const windowSamples = 512
const contextSamples = 64
const stateShape = [2, 1, 128]

export const architecture: Architecture<AudioClassificationInput, AudioClassificationOutput> = {
  name: 'silero-vad',

  async load(manifest, files) {
    const settings = readSettings(manifest, settingsSchema)
    const graph = await openGraph(files.path('model'), manifest)
    return {
      // The network draws nothing at random, so the seed has no say.
      async run({ audio }, _seed) {
        const sound = decodeWav(audio)
        const { samples } = resampled(sound, sampleRate)
        const durationMs = Math.floor((1000 * sound.samples.length) / sound.sampleRate)
        const probabilities = await speechProbabilities(graph, samples)
        const windowMs = (1000 * windowSamples) / sampleRate
        return { segments: speechSegments(probabilities, { ...settings, windowMs, durationMs }) }
      },
      close: () => graph.release()
    }
  }
}

async function speechProbabilities(graph: Graph, samples: Float32Array): Promise<number[]> {
  const rate = new Tensor('int64', BigInt64Array.of(BigInt(sampleRate)), [])
  let state = new Tensor('float32', new Float32Array(stateShape.reduce((a, b) => a * b)), stateShape)
  const probabilities: number[] = []
  for (let start = 0; start < samples.length; start += windowSamples) {
    // Silence stands before the beginning and after the end.
    const window = new Float32Array(contextSamples + windowSamples)
    const from = Math.max(0, start - contextSamples)
    window.set(samples.subarray(from, start + windowSamples), from - start + contextSamples)
    const outputs = await graph.run({
      input: new Tensor('float32', window, [1, window.length]),
      state,
      sr: rate
    })
    probabilities.push(floatOutput(outputs, 'output').data[0] ?? 0)
    state = new Tensor('float32', floatOutput(outputs, 'stateN').data, stateShape)
  }
  return probabilities
}
