import sharp from 'sharp'
import { FailureCode, JobFailedError } from '../../src/interface/index.js'
import { maxPicturePixels, maxPictureSide, pictureFormat } from './picture-format.js'

/** An opaque sRGB picture: rows from top to bottom, 3 bytes (red, green, blue) a pixel. */
export interface RgbPicture {
  width: number
  height: number
  data: Uint8Array
}

/**
 * Leaves sharp only its PNG and JPEG readers, one thread and no cache, for the whole process. For a process that
 * decodes strangers' pictures: what a signature check lets through can then reach no other decoder.
 */
export function hardenDecoders(): void {
  sharp.concurrency(1)
  sharp.cache(false)
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({ operation: ['VipsForeignLoadPng', 'VipsForeignLoadJpeg'] })
}

/**
 * Decodes a PNG or JPEG of at most `maxPicturePixels`, and `maxPictureSide` a side, turned as its EXIF orientation says, transparency on white.
 * Throws JobFailedError: InvalidInput for what cannot be read to its end, InputTooLarge for what is too large.
 */
export async function decodePicture(bytes: Uint8Array): Promise<RgbPicture> {
  if (pictureFormat(bytes) === undefined) {
    throw new JobFailedError(FailureCode.InvalidInput, 'The picture is neither PNG nor JPEG')
  }
  const options = { limitInputPixels: maxPicturePixels, failOn: 'error', autoOrient: true } as const
  try {
    const { width, height } = await sharp(bytes, { ...options, limitInputPixels: false }).metadata()
    if (width * height > maxPicturePixels || Math.max(width, height) > maxPictureSide) {
      throw new JobFailedError(
        FailureCode.InputTooLarge,
        `The picture has ${width}×${height} pixels: at most ${maxPicturePixels} are taken, and ${maxPictureSide} a side`
      )
    }
    const { data, info } = await sharp(bytes, options)
      .flatten({ background: 'white' })
      .toColourspace('srgb')
      .removeAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
    if (info.channels !== 3) {
      throw new JobFailedError(FailureCode.InvalidInput, 'The picture does not convert to RGB')
    }
    return { width: info.width, height: info.height, data }
  } catch (err) {
    if (err instanceof JobFailedError) {
      throw err
    }
    // libvips words its errors over several lines; the first says enough for a reason on chain.
    const cause = err instanceof Error ? (err.message.split('\n')[0] ?? '').slice(0, 120) : 'unknown error'
    throw new JobFailedError(FailureCode.InvalidInput, `The picture cannot be read: ${cause}`, { cause: err })
  }
}
