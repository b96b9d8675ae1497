import { z } from 'zod'
import type { Codec } from '../../src/interface/index.js'
import { decodeAbi, encodeAbi } from './abi.js'
import { checked, decodeJson, jsonContent } from './codec.js'
import { fromFixedPoint, rounded, toFixedPoint } from './fixed-point.js'

/** One label and how sure the model is of it. */
export interface LabelScore {
  label: string
  /** 0 to 1 for most models; rounded to nine decimals. */
  score: number
}

/** The best label first. */
export interface LabelsValue {
  labels: LabelScore[]
}

const score = z.number().transform(rounded)
const schema = z.object({
  labels: z.array(z.object({ label: z.string().max(1_000), score })).max(10_000)
})

const types = ['string[]', 'int256[]']

/** `(string[] labels, int256[] scores)`, scores with 18 decimals; as a file `[{"label": …, "score": …}]`, as Hugging Face has it. */
export const labelsCodec: Codec<LabelsValue> = {
  type: 'labels',
  schema,
  abi: '(string[] labels, int256[] scores)',
  encode: ({ labels }) =>
    encodeAbi(types, [labels.map(({ label }) => label), labels.map(item => toFixedPoint(item.score))]),
  decode(bytes) {
    const [names, scores] = z
      .tuple([z.array(z.string()), z.array(z.bigint())])
      .parse(decodeAbi(types, bytes).map(value => Array.from(value as ArrayLike<unknown>)))
    const labels = names.map((label, index) => ({ label, score: fromFixedPoint(scores[index] ?? 0n) }))
    return checked(schema, { labels }, 'The labels')
  },
  fromContent: bytes => checked(schema, { labels: decodeJson(bytes, 'The labels') }, 'The labels'),
  toContent: ({ labels }) =>
    jsonContent(labels.map(item => ({ label: item.label, score: rounded(item.score) })))
}

/**
 * The labels of a network's scores, the best first; equal ones in the network's order. `count`: how many are kept.
 */
export function bestLabels(scores: ArrayLike<number>, names: readonly string[], count: number): LabelsValue {
  const labels = names.map((label, index) => ({ label, score: rounded(scores[index] ?? 0) }))
  return { labels: labels.toSorted((a, b) => b.score - a.score).slice(0, count) }
}
