import { expect, test } from 'vitest'
import { softmax, withDarkEdge } from '../../../models/image-classification/classifier.js'
import type { RgbPicture } from '../../../models/tools/picture.js'
import { type PixelConfig, pixelValues } from '../../../models/tools/pixel-values.js'

const config: PixelConfig = {
  do_resize: false,
  size: 2,
  resample: 0,
  do_center_crop: false,
  do_rescale: true,
  rescale_factor: 1 / 255,
  do_normalize: true,
  image_mean: [0.5, 0.25, 0],
  image_std: [0.5, 0.25, 1],
  do_convert_grayscale: false
}
const plain = (width: number, height: number, ...colour: number[]): RgbPicture => ({
  width,
  height,
  data: Uint8Array.from({ length: 3 * width * height }, (_, index) => colour[index % 3] ?? 0)
})

test('pixel values: channel by channel, rescaled and normalised', () => {
  const { data, shape } = pixelValues(plain(2, 1, 255, 0, 51), config)
  expect(shape).toEqual([1, 3, 1, 2])
  expect([...data].map(value => Number(value.toFixed(6)))).toEqual([1, 1, -1, -1, 0.2, 0.2])
})

test('pixel values: one channel of brightness', () => {
  const { data, shape } = pixelValues(plain(1, 1, 255, 255, 255), { ...config, do_convert_grayscale: true })
  expect([...data]).toEqual([1])
  expect(shape).toEqual([1, 1, 1, 1])
  const red = pixelValues(plain(1, 1, 255, 0, 0), {
    ...config,
    do_convert_grayscale: true,
    do_normalize: false
  })
  expect(red.data[0]).toBeCloseTo(0.299, 2)
})

test('pixel values: the shorter side is brought to size, and the middle cut out', () => {
  const picture = plain(40, 20, 10, 20, 30)
  const shortest = { ...config, do_resize: true, size: { shortest_edge: 10 } }
  expect(pixelValues(picture, shortest).shape).toEqual([1, 3, 10, 20])
  expect(pixelValues(picture, { ...shortest, do_center_crop: true, crop_size: 8 }).shape).toEqual([
    1, 3, 8, 8
  ])
  expect(pixelValues(picture, { ...config, do_resize: true, size: { height: 3, width: 5 } }).shape).toEqual([
    1, 3, 3, 5
  ])
  // A line of a million pixels must not become a picture of a million lines.
  expect(pixelValues(plain(1000, 1, 0, 0, 0), shortest).shape).toEqual([1, 3, 10, 40])
})

test('pixel values: what is cut out beyond the edge is black', () => {
  const { data } = pixelValues(plain(1, 1, 255, 255, 255), {
    ...config,
    do_normalize: false,
    do_center_crop: true,
    crop_size: 3
  })
  expect([...data.slice(0, 9)]).toEqual([0, 0, 0, 0, 1, 0, 0, 0, 0])
})

test('classifier: light ground is turned dark, dark ground is left', () => {
  expect(withDarkEdge(plain(3, 3, 250, 250, 250)).data[0]).toBe(5)
  expect(withDarkEdge(plain(3, 3, 5, 5, 5)).data[0]).toBe(5)
})

test('classifier: softmax sums to one, also for large logits', () => {
  const scores = softmax([1000, 999, -1000])
  expect(scores.reduce((sum, score) => sum + score)).toBeCloseTo(1, 12)
  expect(scores[0]).toBeCloseTo(Math.E / (1 + Math.E), 12)
})
