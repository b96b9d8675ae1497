import { sineOfTurn } from './exact-math.js'
import type { RgbPicture } from './picture.js'

/** As Pillow has them, and Hugging Face's preprocessors by number: see `resamplingOf`. */
export type Resampling = 'nearest' | 'bilinear' | 'bicubic' | 'lanczos'

/** By the numbers of Pillow that `preprocessor_config.json` has as `resample`; undefined for one that is not supported. */
export function resamplingOf(number: number): Resampling | undefined {
  return (
    ([undefined, 'lanczos', 'bilinear', 'bicubic'] as const)[number] ?? (number === 0 ? 'nearest' : undefined)
  )
}

interface Filter {
  /** Half its width, in pixels. */
  support: number
  weight(distance: number): number
}

const filters: Record<Exclude<Resampling, 'nearest'>, Filter> = {
  bilinear: { support: 1, weight: x => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: cubic },
  lanczos: { support: 3, weight: x => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) }
}

/** Keys' cubic with a = -0.5. */
function cubic(x: number): number {
  const distance = Math.abs(x)
  if (distance < 1) {
    return (1.5 * distance - 2.5) * distance * distance + 1
  }
  return distance < 2 ? ((-0.5 * distance + 2.5) * distance - 4) * distance + 2 : 0
}

function sinc(x: number): number {
  if (x === 0) {
    return 1
  }
  const turn = Math.abs(x) / 2
  return sineOfTurn(turn - Math.floor(turn)) / (Math.PI * Math.abs(x))
}

/**
 * The picture in another size, as Pillow's `Image.resize` makes it (a filter is widened where the picture shrinks), to within
 * one step of 255; and the same bytes on every machine, which sharp's is not.
 */
export function resizePicture(
  picture: RgbPicture,
  width: number,
  height: number,
  resampling: Resampling
): RgbPicture {
  const across = resizeRows(picture, width, resampling)
  return transposed(resizeRows(transposed(across), height, resampling))
}

/** Each row in another width. */
function resizeRows(picture: RgbPicture, width: number, resampling: Resampling): RgbPicture {
  if (picture.width === width) {
    return picture
  }
  const columns = Array.from({ length: width }, (_, column) =>
    weightsOf(picture.width, width, column, resampling)
  )
  const data = new Uint8Array(width * picture.height * 3)
  for (let row = 0; row < picture.height; row++) {
    const from = row * picture.width
    for (const [column, { first, weights }] of columns.entries()) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0
        for (const [index, weight] of weights.entries()) {
          sum += weight * (picture.data[(from + first + index) * 3 + channel] ?? 0)
        }
        data[(row * width + column) * 3 + channel] = Math.max(0, Math.min(255, Math.floor(sum + 0.5)))
      }
    }
  }
  return { width, height: picture.height, data }
}

/** Which pixels make a new one, and how much of each: together 1. */
function weightsOf(
  size: number,
  wanted: number,
  column: number,
  resampling: Resampling
): { first: number; weights: number[] } {
  const scale = size / wanted
  const centre = (column + 0.5) * scale
  if (resampling === 'nearest') {
    return { first: Math.min(Math.floor(centre), size - 1), weights: [1] }
  }
  const { support, weight } = filters[resampling]
  const widened = Math.max(scale, 1)
  const first = Math.max(0, Math.trunc(centre - support * widened + 0.5))
  const end = Math.min(size, Math.trunc(centre + support * widened + 0.5))
  const weights = Array.from({ length: end - first }, (_, index) =>
    weight((first + index - centre + 0.5) / widened)
  )
  const sum = weights.reduce((total, value) => total + value, 0)
  return { first, weights: weights.map(value => value / sum) }
}

function transposed({ width, height, data }: RgbPicture): RgbPicture {
  const turned = new Uint8Array(data.length)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [from, to] = [(y * width + x) * 3, (x * height + y) * 3]
      turned.set(data.subarray(from, from + 3), to)
    }
  }
  return { width: height, height: width, data: turned }
}
