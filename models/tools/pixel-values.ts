import { z } from 'zod'
import type { Manifest, ModelFiles } from '../../src/interface/index.js'
import { readModelJson } from './json-file.js'
import type { RgbPicture } from './picture.js'
import { type Resampling, resamplingOf, resizePicture } from './resize.js'

/** 1,024: more than the vision networks in use take in; a picture of this size is 12 MB of float32. */
const side = z.int().min(1).max(1024)
const sizeSchema = z.union([side, z.object({ height: side, width: side }), z.object({ shortest_edge: side })])
const perChannel = z.array(z.number()).min(1).max(3)

/** What is used of a `preprocessor_config.json` of Hugging Face. */
const configSchema = z.object({
  do_resize: z.boolean().default(true),
  size: sizeSchema.default(224),
  resample: z
    .int()
    .default(2)
    .refine(number => resamplingOf(number) !== undefined, 'is not supported'),
  do_center_crop: z.boolean().default(false),
  crop_size: sizeSchema.optional(),
  do_rescale: z.boolean().default(true),
  rescale_factor: z.number().default(1 / 255),
  do_normalize: z.boolean().default(true),
  image_mean: perChannel.default([0.5, 0.5, 0.5]),
  image_std: perChannel.default([0.5, 0.5, 0.5]),
  /** One channel of brightness instead of three colours. Not of Hugging Face. */
  do_convert_grayscale: z.boolean().default(false)
})

export type PixelConfig = z.infer<typeof configSchema>

/** The manifest's file `preprocessorConfig`. Throws ManifestError. */
export function readPixelConfig(manifest: Manifest, files: ModelFiles): Promise<PixelConfig> {
  return readModelJson(manifest, files, 'preprocessorConfig', configSchema)
}

/** What a vision network takes: `pixel_values`, float32, of the shape [1, channels, height, width]. */
export interface PixelValues {
  data: Float32Array
  shape: [1, number, number, number]
}

/** Prepares a picture as Hugging Face's image processors do. */
export function pixelValues(picture: RgbPicture, config: PixelConfig): PixelValues {
  const resized = config.do_resize ? resize(picture, config) : picture
  const { width, height, data } = config.do_center_crop ? cropped(resized, config) : resized
  const channels = config.do_convert_grayscale ? 1 : 3
  const scale = config.do_rescale ? config.rescale_factor : 1
  const values = new Float32Array(channels * width * height)
  for (let channel = 0; channel < channels; channel++) {
    const mean = config.do_normalize ? (config.image_mean[channel] ?? config.image_mean[0] ?? 0) : 0
    const deviation = config.do_normalize ? (config.image_std[channel] ?? config.image_std[0] ?? 1) : 1
    for (let pixel = 0; pixel < width * height; pixel++) {
      const value = channels === 1 ? brightness(data, pixel) : (data[3 * pixel + channel] ?? 0)
      values[channel * width * height + pixel] = (value * scale - mean) / deviation
    }
  }
  return { data: values, shape: [1, channels, height, width] }
}

/** Of a pixel, 0 to 255: ITU-R 601, as Pillow's mode L has it. */
export function brightness(data: Uint8Array, pixel: number): number {
  const [red = 0, green = 0, blue = 0] = [data[3 * pixel], data[3 * pixel + 1], data[3 * pixel + 2]]
  return Math.floor((red * 19_595 + green * 38_470 + blue * 7_471 + 0x8000) / 0x10000)
}

function resize(picture: RgbPicture, { size, resample }: PixelConfig): RgbPicture {
  const resampling: Resampling = resamplingOf(resample) ?? 'bilinear'
  if (typeof size === 'object' && 'shortest_edge' in size) {
    const scale = size.shortest_edge / Math.min(picture.width, picture.height)
    // Four times as long as wide is where a strip is cut off rather than carried along: the crop drops it anyway.
    const limit = 4 * size.shortest_edge
    const longer = (length: number): number => Math.min(limit, Math.max(1, Math.trunc(length * scale)))
    return picture.width <= picture.height
      ? resizePicture(picture, size.shortest_edge, longer(picture.height), resampling)
      : resizePicture(picture, longer(picture.width), size.shortest_edge, resampling)
  }
  const { width, height } = sides(size)
  return resizePicture(picture, width, height, resampling)
}

function sides(size: PixelConfig['size']): { width: number; height: number } {
  if (typeof size === 'number') {
    return { width: size, height: size }
  }
  return 'shortest_edge' in size ? { width: size.shortest_edge, height: size.shortest_edge } : size
}

/** The middle; black where the picture is smaller. */
function cropped(picture: RgbPicture, config: PixelConfig): RgbPicture {
  const { width, height } = sides(config.crop_size ?? config.size)
  const left = Math.floor((picture.width - width) / 2)
  const top = Math.floor((picture.height - height) / 2)
  const data = new Uint8Array(3 * width * height)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [fromX, fromY] = [x + left, y + top]
      if (fromX >= 0 && fromX < picture.width && fromY >= 0 && fromY < picture.height) {
        const from = 3 * (fromY * picture.width + fromX)
        data.set(picture.data.subarray(from, from + 3), 3 * (y * width + x))
      }
    }
  }
  return { width, height, data }
}
