import { encode } from 'fast-png'
import type { RgbPicture } from './picture.js'

/**
 * A PNG file of a picture, the same bytes on every machine: the encoder is plain JavaScript. (The compressors of sharp
 * and of Node choose by the processor's instructions.)
 */
export function encodePng({ width, height, data }: RgbPicture): Uint8Array {
  return encode({ width, height, data, depth: 8, channels: 3 })
}
