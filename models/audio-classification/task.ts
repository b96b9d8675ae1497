import { z } from 'zod'
import { type Codec, ModelCategory, type Task } from '../../src/interface/index.js'
import { decodeAbi, encodeAbi } from '../tools/abi.js'
import { type AudioValue, audioCodec } from '../tools/audio.js'
import { checked, decodeJson, jsonContent } from '../tools/codec.js'
import { fromFixedPoint, rounded, toFixedPoint } from '../tools/fixed-point.js'

/** A WAV file. */
export type AudioClassificationInput = AudioValue

/** What is heard, and when. */
export interface AudioSegment {
  label: string
  /** 0 to 1, rounded to nine decimals. */
  score: number
  startMs: number
  endMs: number
}

/**
 * A classifier of the whole sound answers its labels, the best first, each from the sound's start to its end; a detector
 * answers the parts in which it heard something, by time: voice activity is the label `speech`.
 */
export interface AudioClassificationOutput {
  segments: AudioSegment[]
}

const time = z.int().min(0)
const schema = z.object({
  segments: z
    .array(
      z.object({
        label: z.string().max(1_000),
        score: z.number().transform(rounded),
        startMs: time,
        endMs: time
      })
    )
    .max(10_000)
})
const types = ['string[]', 'int256[]', 'uint256[]', 'uint256[]']

const output: Codec<AudioClassificationOutput> = {
  type: 'labels',
  schema,
  abi: '(string[] labels, int256[] scores, uint256[] startsMs, uint256[] endsMs)',
  encode: ({ segments }) =>
    encodeAbi(types, [
      segments.map(({ label }) => label),
      segments.map(({ score }) => toFixedPoint(score)),
      segments.map(({ startMs }) => startMs),
      segments.map(({ endMs }) => endMs)
    ]),
  decode(bytes) {
    const numbers = z.array(z.bigint())
    const [labels, scores, starts, ends] = z
      .tuple([z.array(z.string()), numbers, numbers, numbers])
      .parse(decodeAbi(types, bytes).map(value => Array.from(value as ArrayLike<unknown>)))
    const segments = labels.map((label, index) => ({
      label,
      score: fromFixedPoint(scores[index] ?? 0n),
      startMs: Number(starts[index]),
      endMs: Number(ends[index])
    }))
    return checked(schema, { segments }, 'The segments')
  },
  fromContent: bytes => checked(schema, { segments: decodeJson(bytes, 'The segments') }, 'The segments'),
  toContent: ({ segments }) =>
    jsonContent(
      segments.map(({ label, score, startMs, endMs }) => ({ label, score: rounded(score), startMs, endMs }))
    )
}

/** Says what a sound is, or when somebody speaks in it. */
export const task: Task<AudioClassificationInput, AudioClassificationOutput> = {
  name: 'audio-classification',
  aliases: ['AudioClassification', 'voice-activity-detection'],
  category: ModelCategory.AudioClassification,
  contract: 'AudioClassification',
  input: audioCodec,
  output
}
