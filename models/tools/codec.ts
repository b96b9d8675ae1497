import { getBytes } from 'ethers'
import { type ZodType, z } from 'zod'
import { type Codec, FailureCode, JobFailedError } from '../../src/interface/index.js'
import { decodeAbi, encodeAbi } from './abi.js'
import { maxPictureBytes, pictureFormat } from './picture-format.js'

/** A text of a task: UTF-8. */
export interface TextValue {
  text: string
}

/** A picture of a task: the bytes of a PNG or JPEG file. A model makes PNG. */
export interface ImageValue {
  image: Uint8Array
}

/** 64 KiB of UTF-8: a short story, and more than any model here can take in. */
export const maxTextBytes = 64 * 1024

/** Throws JobFailedError(InvalidInput) with what the schema says. */
export function checked<T>(schema: ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value)
  if (!result.success) {
    const [issue] = result.error.issues
    const place = issue?.path.join('.') ?? ''
    throw new JobFailedError(
      FailureCode.InvalidInput,
      `${what}${place === '' ? '' : `, ${place.slice(0, 100)}`}: ${issue?.message.slice(0, 200) ?? 'is not valid'}`
    )
  }
  return result.data
}

export function checkSize(sizeBytes: number, limitBytes: number, what: string): void {
  if (sizeBytes > limitBytes) {
    throw new JobFailedError(
      FailureCode.InputTooLarge,
      `${what} has ${sizeBytes} bytes: at most ${limitBytes} are taken`
    )
  }
}

/** Throws JobFailedError(InvalidInput) for bytes that are no UTF-8. */
export function decodeUtf8(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (err) {
    throw new JobFailedError(FailureCode.InvalidInput, `${what} is not UTF-8`, { cause: err })
  }
}

/** Throws JobFailedError(InvalidInput) for bytes that are no JSON. */
export function decodeJson(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(decodeUtf8(bytes, what))
  } catch (err) {
    if (err instanceof JobFailedError) {
      throw err
    }
    throw new JobFailedError(FailureCode.InvalidInput, `${what} is not JSON`, { cause: err })
  }
}

export function jsonContent(value: unknown): { bytes: Uint8Array; mediaType: string } {
  return { bytes: new TextEncoder().encode(JSON.stringify(value)), mediaType: 'application/json' }
}

export interface TextCodecInit {
  /** Its name in the ABI: `prompt`. */
  name: string
  /** Default: may be empty. */
  minLength?: number
  /** Default: `maxTextBytes`. */
  maxBytes?: number
}

/** `(string)`; as a file the text itself. */
export function textCodec({ name, minLength = 0, maxBytes = maxTextBytes }: TextCodecInit): Codec<TextValue> {
  const schema = z.object({ text: z.string().min(minLength) })
  const what = `The ${name}`
  const check = (text: string): TextValue => {
    checkSize(Buffer.byteLength(text), maxBytes, what)
    return checked(schema, { text }, what)
  }
  return {
    type: 'text',
    schema,
    abi: `(string ${name})`,
    encode: ({ text }) => encodeAbi(['string'], [text]),
    decode: bytes => check(z.string().parse(decodeAbi(['string'], bytes)[0])),
    fromContent: bytes => {
      checkSize(bytes.length, maxBytes, what)
      return check(decodeUtf8(bytes, what))
    },
    toContent: ({ text }) => ({
      bytes: new TextEncoder().encode(text),
      mediaType: 'text/plain; charset=utf-8'
    })
  }
}

const imageSchema = z.object({
  image: z
    .instanceof(Uint8Array)
    .refine(bytes => pictureFormat(bytes) !== undefined, 'is neither PNG nor JPEG')
})

/** Throws JobFailedError where the bytes are no picture, by their first bytes, or too many. */
export function checkedImage(image: Uint8Array, maxBytes: number = maxPictureBytes): ImageValue {
  checkSize(image.length, maxBytes, 'The picture')
  if (!imageSchema.safeParse({ image }).success) {
    throw new JobFailedError(FailureCode.InvalidInput, 'The picture is neither PNG nor JPEG')
  }
  return { image }
}

/** `(bytes image)`; as a file the picture itself. */
export function imageCodec(maxBytes: number = maxPictureBytes): Codec<ImageValue> {
  return {
    type: 'image',
    schema: imageSchema,
    abi: '(bytes image)',
    encode: ({ image }) => encodeAbi(['bytes'], [image]),
    decode: bytes => checkedImage(getBytes(z.string().parse(decodeAbi(['bytes'], bytes)[0])), maxBytes),
    fromContent: bytes => checkedImage(bytes, maxBytes),
    toContent: ({ image }) => ({ bytes: image, mediaType: `image/${pictureFormat(image) ?? 'png'}` })
  }
}
