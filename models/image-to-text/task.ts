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
import { maxPictureBytes, pictureFormat } from '../tools/picture-format.js'

/** A PNG or JPEG file of at most 4 MiB and 16 megapixels. */
export interface ImageToTextInput {
  image: Uint8Array
}

/** Text in reading order, lines parted by `\n`; empty if the picture shows none. */
export interface ImageToTextOutput {
  text: string
}

const inputSchema = z.object({
  image: z
    .instanceof(Uint8Array)
    .refine(bytes => pictureFormat(bytes) !== undefined, 'is neither PNG nor JPEG')
})

const outputSchema = z.object({ text: z.string() })

function checkedInput(image: Uint8Array): ImageToTextInput {
  if (image.length > maxPictureBytes) {
    throw new JobFailedError(
      FailureCode.InputTooLarge,
      `The picture has ${image.length} bytes: at most ${maxPictureBytes} are taken`
    )
  }
  if (!inputSchema.safeParse({ image }).success) {
    throw new JobFailedError(FailureCode.InvalidInput, 'The picture is neither PNG nor JPEG')
  }
  return { image }
}

const input: Codec<ImageToTextInput> = {
  type: 'image',
  schema: inputSchema,
  abi: '(bytes image)',
  encode: value => encodeAbi(['bytes'], [value.image]),
  decode: bytes => checkedInput(getBytes(z.string().parse(decodeAbi(['bytes'], bytes)[0]))),
  fromContent: checkedInput,
  toContent: ({ image }) => ({ bytes: image, mediaType: `image/${pictureFormat(image) ?? 'png'}` })
}

const output: Codec<ImageToTextOutput> = {
  type: 'text',
  schema: outputSchema,
  abi: '(string text)',
  encode: value => encodeAbi(['string'], [value.text]),
  decode: bytes => outputSchema.parse({ text: decodeAbi(['string'], bytes)[0] }),
  fromContent: bytes => ({ text: new TextDecoder().decode(bytes) }),
  toContent: ({ text }) => ({ bytes: new TextEncoder().encode(text), mediaType: 'text/plain; charset=utf-8' })
}

/** Reads a picture: optical character recognition or, with other models, a caption. */
export const task: Task<ImageToTextInput, ImageToTextOutput> = {
  name: 'image-to-text',
  aliases: ['ImageToText', 'ocr'],
  category: ModelCategory.ImageToText,
  contract: 'ImageToText',
  input,
  output
}
