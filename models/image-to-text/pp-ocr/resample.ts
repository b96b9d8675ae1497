import type { RgbPicture } from '../../tools/picture.js'

/**
 * Where the pixels of an output lie in a picture: pixel (i, j) covers the parallelogram that starts at
 * `origin + i·right + j·down`. Coordinates are continuous: the picture's pixel k covers [k, k + 1).
 */
export interface Grid {
  originX: number
  originY: number
  rightX: number
  rightY: number
  downX: number
  downY: number
}

/** `(value / 255 - mean) / deviation`, per channel in the order blue, green, red (OpenCV's, which PP-OCR was trained on). */
export interface Normalisation {
  mean: readonly [number, number, number]
  deviation: readonly [number, number, number]
}

/**
 * Samples a picture into a tensor of shape [3, height, rowWidth], channels blue, green, red; columns from `width`
 * on stay 0. Bilinear; where the output is smaller, it averages as many samples as pixels are shrunk into one, so
 * thin strokes stay. Beyond its edge the picture goes on with its edge pixels.
 */
export function sampleTensor(
  picture: RgbPicture,
  grid: Grid,
  size: { width: number; height: number; rowWidth: number },
  { mean, deviation }: Normalisation
): Float32Array {
  const { width, height, rowWidth } = size
  const plane = rowWidth * height
  const tensor = new Float32Array(3 * plane)
  const samplesX = samplesPerPixel(grid.rightX, grid.rightY)
  const samplesY = samplesPerPixel(grid.downX, grid.downY)
  const weight = 1 / (samplesX * samplesY)
  const rgb = new Float64Array(3)
  for (let j = 0; j < height; j++) {
    for (let i = 0; i < width; i++) {
      rgb.fill(0)
      for (let b = 0; b < samplesY; b++) {
        for (let a = 0; a < samplesX; a++) {
          const u = i + (a + 0.5) / samplesX
          const v = j + (b + 0.5) / samplesY
          addBilinear(
            rgb,
            picture,
            grid.originX + u * grid.rightX + v * grid.downX,
            grid.originY + u * grid.rightY + v * grid.downY
          )
        }
      }
      const index = j * rowWidth + i
      for (let channel = 0; channel < 3; channel++) {
        const value = ((rgb[2 - channel] ?? 0) * weight) / 255
        tensor[channel * plane + index] = (value - (mean[channel] ?? 0)) / (deviation[channel] ?? 1)
      }
    }
  }
  return tensor
}

/** Not more than 8: beyond that the average changes no more than noise does. */
function samplesPerPixel(stepX: number, stepY: number): number {
  return Math.min(8, Math.max(1, Math.ceil(Math.hypot(stepX, stepY) - 0.05)))
}

function addBilinear(sum: Float64Array, { width, height, data }: RgbPicture, x: number, y: number): void {
  const left = Math.min(Math.max(x - 0.5, 0), width - 1)
  const top = Math.min(Math.max(y - 0.5, 0), height - 1)
  const x0 = Math.floor(left)
  const y0 = Math.floor(top)
  const x1 = Math.min(x0 + 1, width - 1)
  const y1 = Math.min(y0 + 1, height - 1)
  const fx = left - x0
  const fy = top - y0
  const a = (y0 * width + x0) * 3
  const b = (y0 * width + x1) * 3
  const c = (y1 * width + x0) * 3
  const d = (y1 * width + x1) * 3
  for (let channel = 0; channel < 3; channel++) {
    const upper = (data[a + channel] ?? 0) * (1 - fx) + (data[b + channel] ?? 0) * fx
    const lower = (data[c + channel] ?? 0) * (1 - fx) + (data[d + channel] ?? 0) * fx
    sum[channel] = (sum[channel] ?? 0) + upper * (1 - fy) + lower * fy
  }
}
