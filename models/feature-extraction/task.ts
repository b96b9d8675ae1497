import { z } from 'zod'
import { type Codec, ModelCategory, type Task } from '../../src/interface/index.js'
import { decodeAbi, encodeAbi } from '../tools/abi.js'
import { checked, decodeJson, jsonContent, type TextValue, textCodec } from '../tools/codec.js'
import { fromFixedPoint, rounded, toFixedPoint } from '../tools/fixed-point.js'

/** The text. */
export type FeatureExtractionInput = TextValue

/** One vector for the whole text; rounded to nine decimals. */
export interface FeatureExtractionOutput {
  embedding: number[]
}

/** 64 KiB of output hold 2,046 components. */
const schema = z.object({ embedding: z.array(z.number().transform(rounded)).min(1).max(4_096) })

const output: Codec<FeatureExtractionOutput> = {
  type: 'tensor',
  schema,
  abi: '(int256[] embedding)',
  encode: ({ embedding }) => encodeAbi(['int256[]'], [embedding.map(toFixedPoint)]),
  decode(bytes) {
    const [embedding] = decodeAbi(['int256[]'], bytes).map(values =>
      Array.from(values as ArrayLike<bigint>, fromFixedPoint)
    )
    return checked(schema, { embedding }, 'The embedding')
  },
  fromContent: bytes => checked(schema, { embedding: decodeJson(bytes, 'The embedding') }, 'The embedding'),
  toContent: ({ embedding }) => jsonContent(embedding.map(rounded))
}

/** Puts a text into a vector space, where texts of like meaning lie near each other. */
export const task: Task<FeatureExtractionInput, FeatureExtractionOutput> = {
  name: 'feature-extraction',
  aliases: ['FeatureExtraction', 'sentence-embedding'],
  category: ModelCategory.FeatureExtraction,
  contract: 'FeatureExtraction',
  input: textCodec({ name: 'text', minLength: 1 }),
  output
}
