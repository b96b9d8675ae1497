import { ModelCategory, type Task } from '../../src/interface/index.js'
import { type ImageValue, imageCodec, type TextValue, textCodec } from '../tools/codec.js'
import { maxMadePictureBytes } from '../tools/picture-format.js'

/** The prompt. */
export type TextToImageInput = TextValue
/** A PNG file. */
export type TextToImageOutput = ImageValue

/** Makes a picture from a text. */
export const task: Task<TextToImageInput, TextToImageOutput> = {
  name: 'text-to-image',
  aliases: ['TextConditionalImageGeneration', 'text-conditional-image-generation'],
  category: ModelCategory.TextConditionalImageGeneration,
  contract: 'TextConditionalImageGeneration',
  input: textCodec({ name: 'prompt' }),
  output: imageCodec(maxMadePictureBytes)
}
