import { expect, test } from 'vitest'
import { difference } from '../../../models/tools/compare.js'
import { encodePng } from '../../../models/tools/png.js'

const json = (value: unknown) => ({
  bytes: Buffer.from(JSON.stringify(value)),
  mediaType: 'application/json'
})
const picture = (value: number, width = 2) => ({
  bytes: encodePng({ width, height: 2, data: new Uint8Array(width * 2 * 3).fill(value) }),
  mediaType: 'image/png'
})

test('compare: pictures may differ by the tolerance, not in size', async () => {
  expect(await difference(picture(100), picture(100).bytes, 0)).toBeUndefined()
  expect(await difference(picture(100), picture(102).bytes, 2)).toBeUndefined()
  expect(await difference(picture(100), picture(103).bytes, 2)).toMatch(/differs by 3.000/u)
  expect(await difference(picture(100), picture(100, 3).bytes, 255)).toMatch(/2×2 instead of 3×2/u)
  expect(await difference(picture(100), json(1).bytes, 255)).toMatch(/expected file is none/u)
})

test('compare: numbers in JSON may differ by the tolerance, relative above 1, and nothing else may', async () => {
  const found = json({ a: [1, 0.5, 1000], label: 'x' })
  expect(await difference(found, json({ a: [1.01, 0.49, 1010], label: 'x' }).bytes, 0.011)).toBeUndefined()
  expect(await difference(found, json({ a: [1, 0.5, 1020], label: 'x' }).bytes, 0.011)).toMatch(
    /a\[2\] is 1000/u
  )
  expect(await difference(found, json({ a: [1, 0.6, 1000], label: 'x' }).bytes, 0.011)).toMatch(/a\[1\]/u)
  expect(await difference(found, json({ a: [1, 0.5], label: 'x' }).bytes, 1)).toMatch(
    /3 elements instead of 2/u
  )
  expect(await difference(found, json({ a: [1, 0.5, 1000], label: 'y' }).bytes, 1)).toMatch(/label is "x"/u)
  expect(await difference(found, json({ a: [1, 0.5, 1000], label: 'x', b: 1 }).bytes, 1)).toMatch(/missing/u)
  expect(await difference(found, Buffer.from('{'), 1).catch(String)).toMatch(/not JSON/u)
})

test('compare: texts must be equal', async () => {
  const text = { bytes: Buffer.from('a'), mediaType: 'text/plain; charset=utf-8' }
  expect(await difference(text, Buffer.from('a'), 0)).toBeUndefined()
  expect(await difference(text, Buffer.from('b'), 9)).toMatch(/another one/u)
})
