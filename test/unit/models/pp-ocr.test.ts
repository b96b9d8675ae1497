import { expect, test } from 'vitest'
import { findBoxes } from '../../../models/image-to-text/pp-ocr/detection.js'
import { type Box, type Point, textBox } from '../../../models/image-to-text/pp-ocr/geometry.js'
import { inReadingOrder } from '../../../models/image-to-text/pp-ocr/reading-order.js'
import { decodeCharacters } from '../../../models/image-to-text/pp-ocr/recognition.js'
import { sampleTensor } from '../../../models/image-to-text/pp-ocr/resample.js'
import { joinCharacters } from '../../../models/image-to-text/pp-ocr/spacing.js'

const plain = { mean: [0, 0, 0], deviation: [1, 1, 1] } as const
const box = (centreX: number, centreY: number, width: number, height: number, angle = 0): Box => ({
  centreX,
  centreY,
  width,
  height,
  angle
})

function corners({ centreX, centreY, width, height, angle }: Box): Point[] {
  return [
    [-1, -1],
    [1, -1],
    [1, 1],
    [-1, 1]
  ].map(([u = 0, v = 0]) => {
    const [x, y] = [(u * width) / 2, (v * height) / 2]
    return [
      centreX + x * Math.cos(angle) - y * Math.sin(angle),
      centreY + x * Math.sin(angle) + y * Math.cos(angle)
    ]
  })
}

test('resample: channels are blue, green, red; beyond the edge the edge goes on; padding is 0', () => {
  const picture = { width: 2, height: 1, data: Uint8Array.from([255, 0, 0, 0, 0, 255]) }
  const grid = { originX: -1, originY: 0, rightX: 1, rightY: 0, downX: 0, downY: 1 }
  const tensor = sampleTensor(picture, grid, { width: 4, height: 1, rowWidth: 5 }, plain)
  expect([...tensor]).toEqual([0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0])
})

test('resample: a smaller output is the mean of what it covers', () => {
  const data = Uint8Array.from([0, 255, 0, 255].flatMap(grey => [grey, grey, grey]))
  const grid = { originX: 0, originY: 0, rightX: 4, rightY: 0, downX: 0, downY: 1 }
  const tensor = sampleTensor(
    { width: 4, height: 1, data },
    grid,
    { width: 1, height: 1, rowWidth: 1 },
    plain
  )
  expect(tensor[0]).toBeCloseTo(0.5, 5)
})

test('geometry: finds a long box at its angle, and keeps a short one upright', () => {
  const turned = textBox(corners(box(100, 50, 120, 10, 0.2)))
  expect(turned.angle).toBeCloseTo(0.2, 6)
  expect([turned.width, turned.height]).toEqual([expect.closeTo(120, 6), expect.closeTo(10, 6)])
  expect(textBox(corners(box(50, 50, 10, 10, 0.6))).angle).toBe(0)
})

test('detection: grows a region into a box, and drops noise and what is improbable', () => {
  const [width, height] = [64, 32]
  const map = new Float32Array(width * height)
  const fill = (left: number, top: number, right: number, bottom: number, value: number): void => {
    for (let y = top; y < bottom; y++) {
      map.fill(value, y * width + left, y * width + right)
    }
  }
  fill(10, 4, 40, 10, 0.9)
  fill(10, 20, 40, 26, 0.4)
  fill(50, 20, 52, 22, 0.9)
  const settings = {
    maxSide: 64,
    minSide: 64,
    pixelThreshold: 0.3,
    boxThreshold: 0.6,
    unclipRatio: 1.5,
    maxBoxes: 10
  }
  const boxes = findBoxes(map, width, height, settings)
  // 30 × 6 grows by 180 · 1.5 / 72 = 3.75 on each side.
  expect(boxes).toEqual([box(25, 7, 37.5, 13.5)])
  fill(10, 20, 40, 26, 0.9)
  expect(findBoxes(map, width, height, settings)).toHaveLength(2)
  expect(findBoxes(map, width, height, { ...settings, maxBoxes: 1 })).toHaveLength(1)
})

test('recognition: equal steps are one character, unless a blank parts them', () => {
  const alphabet = ['', 'a', 'b']
  const steps = [1, 1, 0, 1, 2, 2, 0].flatMap(best =>
    alphabet.map((_, entry) => (entry === best ? 0.9 : 0.05))
  )
  const characters = decodeCharacters(Float32Array.from(steps), alphabet)
  expect(characters.map(({ text, first, last }) => [text, first, last])).toEqual([
    ['a', 0, 1],
    ['a', 3, 3],
    ['b', 4, 5]
  ])
})

test('spacing: a wide gap is a space even where the network is in doubt, a narrow one is not', () => {
  const characters = (text: string) =>
    [...text].map((sign, index) => ({ text: sign, first: index * 4, last: index * 4, probability: 1 }))
  const join = (text: string, gap: number, probability: number) =>
    joinCharacters(characters(text), [{ start: 20 - gap / 2, end: 20 + gap / 2 }], () => probability)
  expect(join('ab', 20, 1e-3)).toBe('a b')
  expect(join('ab', 4, 1e-3)).toBe('ab')
  expect(join('ab', 4, 0.9)).toBe('a b')
  expect(join('a!', 20, 1e-3)).toBe('a!')
  expect(join('中文', 20, 1e-3)).toBe('中文')
  expect(join('a，', 4, 1e-5)).toBe('a,')
  expect(join('中，', 4, 1e-5)).toBe('中，')
})

test('reading order: lines from top to bottom, each from left to right, also on a turned page', () => {
  const pieces = [
    { text: 'd', box: box(60, 52, 20, 12) },
    { text: 'b', box: box(60, 10, 20, 12) },
    { text: 'c', box: box(10, 50, 20, 12) },
    { text: 'a', box: box(10, 12, 20, 12) }
  ]
  expect(inReadingOrder(pieces)).toBe('a b\nc d')
  const turned = pieces.map(({ text, box: { centreX, centreY, width, height } }) => {
    const [cos, sin] = [Math.cos(0.3), Math.sin(0.3)]
    return {
      text,
      box: box(centreX * cos - centreY * sin, centreX * sin + centreY * cos, width, height, 0.3)
    }
  })
  expect(inReadingOrder(turned)).toBe('a b\nc d')
  expect(inReadingOrder([])).toBe('')
})
