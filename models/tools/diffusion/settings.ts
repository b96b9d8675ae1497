import { z } from 'zod'
import type { RgbPicture } from '../picture.js'
import { resizePicture } from '../resize.js'

/** What both kinds of diffusion models may be told by their manifests. */
export const diffusionSettings = {
  /** How often the network is asked. */
  steps: z.int().min(1).max(1000).default(25),
  /** Instead of the one that scheduler_config.json names. */
  scheduler: z.enum(['ddim', 'ddpm', 'euler']).optional(),
  /** DDIM's: how much noise its steps add, from none to as much as DDPM's. */
  eta: z.number().min(0).max(1).default(0),
  /** How many times wider and higher the answered picture is than the one that was made. */
  enlarge: z.int().min(1).max(16).default(1),
  resampling: z.enum(['nearest', 'bilinear', 'bicubic', 'lanczos']).default('bicubic')
}

/** 512: 4,096 pixels a side where one number of the sample stands for 8. */
const side = z.int().min(1).max(512)

/** What is used of a UNet's `config.json`. */
export const unetConfigSchema = z.object({
  in_channels: z.int().min(1).max(64),
  /** One side, or height and width. */
  sample_size: z.union([side, z.tuple([side, side])])
})

/** Of one sample: [1, channels, height, width]. */
export function sampleShape({
  in_channels,
  sample_size
}: z.infer<typeof unetConfigSchema>): [1, number, number, number] {
  const [height, width] = typeof sample_size === 'number' ? [sample_size, sample_size] : sample_size
  return [1, in_channels, height, width]
}

/** A picture from numbers between -1 and 1, channel by channel: three colours, or one of brightness. */
export function pictureOf(values: Float32Array, channels: number, height: number, width: number): RgbPicture {
  const pixels = width * height
  const data = new Uint8Array(3 * pixels)
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      const value = values[(channels === 1 ? 0 : channel) * pixels + pixel] ?? 0
      data[3 * pixel + channel] = Math.max(0, Math.min(255, Math.floor(value * 127.5 + 128)))
    }
  }
  return { width, height, data }
}

export function enlarged(
  picture: RgbPicture,
  { enlarge, resampling }: { enlarge: number; resampling: 'nearest' | 'bilinear' | 'bicubic' | 'lanczos' }
): RgbPicture {
  return resizePicture(picture, picture.width * enlarge, picture.height * enlarge, resampling)
}
