import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { decodePicture } from '../../../models/tools/picture.js'
import { encodePng } from '../../../models/tools/png.js'
import { seededRandom } from '../../../models/tools/random.js'

test('png: a picture survives the way into a file and back, and the file is the same everywhere', async () => {
  const data = seededRandom(new Uint8Array())
    .bytes(37 * 21 * 3)
    .map(byte => byte & 0xf0)
  const file = encodePng({ width: 37, height: 21, data })
  expect(await decodePicture(file)).toEqual({ width: 37, height: 21, data: Buffer.from(data) })
  expect(createHash('sha256').update(file).digest('hex')).toBe(
    '00e83fbeb2f2e11ab98cf4da421c2db5b974600a3920c727cf8b25c2b8c99d4c'
  )
})
