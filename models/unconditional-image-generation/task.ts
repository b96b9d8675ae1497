import { z } from 'zod'
import {
  type Codec,
  FailureCode,
  JobFailedError,
  ModelCategory,
  type Task
} from '../../src/interface/index.js'
import { type ImageValue, imageCodec } from '../tools/codec.js'
import { maxMadePictureBytes } from '../tools/picture-format.js'

/** Nothing: only the seed says what is made. */
export type UnconditionalImageGenerationInput = Record<string, never>
/** A PNG file. */
export type UnconditionalImageGenerationOutput = ImageValue

function nothing(bytes: Uint8Array): UnconditionalImageGenerationInput {
  if (bytes.length > 0) {
    throw new JobFailedError(
      FailureCode.InvalidInput,
      `The input has ${bytes.length} bytes: this task takes none`
    )
  }
  return {}
}

const input: Codec<UnconditionalImageGenerationInput> = {
  type: 'none',
  schema: z.strictObject({}),
  abi: '()',
  encode: () => '0x',
  decode: nothing,
  fromContent: nothing,
  toContent: () => ({ bytes: new Uint8Array(), mediaType: 'application/octet-stream' })
}

/** Makes a picture from nothing but a seed. */
export const task: Task<UnconditionalImageGenerationInput, UnconditionalImageGenerationOutput> = {
  name: 'unconditional-image-generation',
  aliases: ['UnconditionalImageGeneration'],
  category: ModelCategory.UnconditionalImageGeneration,
  contract: 'UnconditionalImageGeneration',
  input,
  output: imageCodec(maxMadePictureBytes)
}
