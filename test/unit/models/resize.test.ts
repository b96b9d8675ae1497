import { describe, expect, test } from 'vitest'
import { type RgbPicture } from '../../../models/tools/picture.js'
import { type Resampling, resamplingOf, resizePicture } from '../../../models/tools/resize.js'

const [width, height] = [7, 5]
const picture: RgbPicture = {
  width,
  height,
  data: Uint8Array.from({ length: width * height * 3 }, (_, index) => {
    const [pixel, channel] = [Math.floor(index / 3), index % 3]
    return ((pixel % width) ** 2 * 31 + Math.floor(pixel / width) * 57 + channel * 91) % 256
  })
}

/** Made with Pillow 9.4: the first numbers, the last, and the sum of all. */
const cases: [Resampling, number, number, number[], number[], number][] = [
  ['nearest', 3, 2, [88, 179, 14, 80, 171, 6], [194, 29, 120, 178, 13, 104], 2008],
  ['nearest', 11, 8, [0, 91, 182, 0, 91, 182, 31, 122, 213], [64, 155, 246, 64, 155, 246], 33_440],
  ['lanczos', 3, 2, [93, 145, 121, 112, 137, 114], [165, 128, 111, 143, 108, 138], 2258],
  ['lanczos', 11, 8, [0, 88, 159, 0, 86, 218, 37, 130, 223], [144, 135, 219, 57, 165, 255], 33_129],
  ['bilinear', 3, 2, [95, 141, 124, 110, 138, 113], [160, 121, 118, 137, 110, 136], 2251],
  ['bilinear', 11, 8, [0, 91, 182, 14, 105, 196, 39, 130, 198], [142, 116, 207, 64, 155, 246], 32_942],
  ['bicubic', 3, 2, [90, 145, 124, 112, 137, 114], [163, 126, 115, 140, 107, 139], 2258],
  ['bicubic', 11, 8, [0, 85, 175, 4, 94, 207, 34, 126, 218], [140, 126, 216, 56, 165, 255], 33_083]
]

describe('resize: as Pillow', () => {
  test.each(cases)('%s to %i×%i', (resampling, toWidth, toHeight, first, last, sum) => {
    const resized = resizePicture(picture, toWidth, toHeight, resampling)
    expect(resized).toMatchObject({ width: toWidth, height: toHeight })
    const near = (found: ArrayLike<number>, expected: number[]): void => {
      for (const [index, value] of expected.entries()) {
        expect(Math.abs((found[index] ?? Number.NaN) - value)).toBeLessThanOrEqual(1)
      }
    }
    near(resized.data, first)
    near(resized.data.slice(-last.length), last)
    const total = resized.data.reduce((all, value) => all + value, 0)
    expect(Math.abs(total - sum)).toBeLessThanOrEqual(resized.data.length / 10)
  })
})

test('resize: a picture in its own size stays as it is', () => {
  expect(resizePicture(picture, width, height, 'bicubic')).toEqual(picture)
})

test('resize: filters by their numbers in preprocessor_config.json', () => {
  expect([0, 1, 2, 3, 4, -1].map(resamplingOf)).toEqual([
    'nearest',
    'lanczos',
    'bilinear',
    'bicubic',
    undefined,
    undefined
  ])
})
