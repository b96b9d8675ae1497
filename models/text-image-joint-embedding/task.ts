import { getBytes } from 'ethers'
import { z } from 'zod'
import {
  type Codec,
  FailureCode,
  JobFailedError,
  ModelCategory,
  type Task
} from '../../src/interface/index.js'
import { decodeAbi, encodeAbi } from '../tools/abi.js'
import { checked, checkedImage, checkSize, decodeJson, jsonContent, maxTextBytes } from '../tools/codec.js'
import { fromFixedPoint, rounded, toFixedPoint } from '../tools/fixed-point.js'
import { maxPictureBytes, pictureFormat } from '../tools/picture-format.js'

/** Either may be empty, not both. */
export interface JointEmbeddingInput {
  text: string
  /** A PNG or JPEG file. */
  image: Uint8Array
}

/** Vectors of length 1 in one space: their dot product says how alike text and picture are. Empty for an empty side. */
export interface JointEmbeddingOutput {
  textEmbedding: number[]
  imageEmbedding: number[]
}

const inputSchema = z
  .object({
    text: z.string(),
    image: z
      .instanceof(Uint8Array)
      .refine(image => image.length === 0 || pictureFormat(image) !== undefined, 'is neither PNG nor JPEG')
  })
  .refine(({ text, image }) => text !== '' || image.length > 0, 'there is neither a text nor a picture')

function checkedInput(text: string, image: Uint8Array): JointEmbeddingInput {
  checkSize(Buffer.byteLength(text), maxTextBytes, 'The text')
  if (image.length > 0) {
    checkedImage(image)
  }
  return checked(inputSchema, { text, image }, 'The input')
}

const inputTypes = ['string', 'bytes']
/** A file with both sides holds the picture in base64. */
const contentSchema = z.strictObject({ text: z.string().default(''), image: z.base64().default('') })

const input: Codec<JointEmbeddingInput> = {
  type: 'text+image',
  schema: inputSchema,
  abi: '(string text, bytes image)',
  encode: ({ text, image }) => encodeAbi(inputTypes, [text, image]),
  decode(bytes) {
    const [text, image] = z.tuple([z.string(), z.string()]).parse(decodeAbi(inputTypes, bytes))
    return checkedInput(text, getBytes(image))
  },
  /** A picture alone, or JSON: `{"text": …, "image": base64}`. */
  fromContent(bytes) {
    if (pictureFormat(bytes) !== undefined) {
      return checkedInput('', bytes)
    }
    checkSize(bytes.length, 2 * (maxPictureBytes + maxTextBytes), 'The input')
    const { text, image } = checked(contentSchema, decodeJson(bytes, 'The input'), 'The input')
    return checkedInput(text, Buffer.from(image, 'base64'))
  },
  toContent: ({ text, image }) => jsonContent({ text, image: Buffer.from(image).toString('base64') })
}

const embedding = z.array(z.number().transform(rounded)).max(4_096)
const outputSchema = z.object({ textEmbedding: embedding, imageEmbedding: embedding })
const outputTypes = ['int256[]', 'int256[]']

const output: Codec<JointEmbeddingOutput> = {
  type: 'tensor',
  schema: outputSchema,
  abi: '(int256[] textEmbedding, int256[] imageEmbedding)',
  encode: ({ textEmbedding, imageEmbedding }) =>
    encodeAbi(outputTypes, [textEmbedding.map(toFixedPoint), imageEmbedding.map(toFixedPoint)]),
  decode(bytes) {
    const [textEmbedding, imageEmbedding] = decodeAbi(outputTypes, bytes).map(values =>
      Array.from(values as ArrayLike<bigint>, fromFixedPoint)
    )
    return checked(outputSchema, { textEmbedding, imageEmbedding }, 'The embeddings')
  },
  fromContent: bytes => checked(outputSchema, decodeJson(bytes, 'The embeddings'), 'The embeddings'),
  toContent: value => {
    const result = outputSchema.safeParse(value)
    if (!result.success) {
      throw new JobFailedError(FailureCode.ModelFailed, 'The model answered no embeddings')
    }
    return jsonContent(result.data)
  }
}

/**
 * Puts a text and a picture into one vector space, as CLIP does. Hugging Face has no task of this kind: it files such
 * models under zero-shot-image-classification, which compares these very vectors.
 */
export const task: Task<JointEmbeddingInput, JointEmbeddingOutput> = {
  name: 'text-image-joint-embedding',
  aliases: ['TextImageJointEmbedding', 'zero-shot-image-classification'],
  category: ModelCategory.TextImageJointEmbedding,
  contract: 'TextImageJointEmbedding',
  input,
  output
}
