import sharp, { type Sharp } from 'sharp'
import { expect, test } from 'vitest'
import { decodePicture } from '../../../models/tools/picture.js'
import { pictureFormat } from '../../../models/tools/picture-format.js'
import { FailureCode } from '../../../src/interface/index.js'

const failure = (code: FailureCode) => expect.objectContaining({ failureCode: code })

/** `width × height` pixels of noise, so that the file is long enough to be cut. */
function noise(width: number, height: number, channels: 3 | 4 = 3): Sharp {
  const data = Buffer.from(
    Array.from({ length: width * height * channels }, (_, index) => (index * 7919) % 251)
  )
  return sharp(data, { raw: { width, height, channels } })
}

test('picture: the format is told by the first bytes', async () => {
  expect(pictureFormat(await noise(4, 4).png().toBuffer())).toBe('png')
  expect(pictureFormat(await noise(4, 4).jpeg().toBuffer())).toBe('jpeg')
  for (const other of ['', 'GIF89a', '<svg xmlns="http://www.w3.org/2000/svg"/>', 'RIFF____WEBP']) {
    expect(pictureFormat(Buffer.from(other))).toBeUndefined()
  }
})

test('picture: decodes to opaque RGB, transparency on white', async () => {
  const pixels = Buffer.from([255, 0, 0, 255, 0, 0, 255, 0])
  const png = await sharp(pixels, { raw: { width: 2, height: 1, channels: 4 } })
    .png()
    .toBuffer()
  const picture = await decodePicture(png)
  expect({ ...picture, data: [...picture.data] }).toEqual({
    width: 2,
    height: 1,
    data: [255, 0, 0, 255, 255, 255]
  })
})

test('picture: grey, 16-bit and CMYK pictures become RGB; EXIF orientation is heeded', async () => {
  const grey = await noise(8, 4).toColourspace('b-w').png().toBuffer()
  const deep = await noise(8, 4).toColourspace('rgb16').png().toBuffer()
  const cmyk = await noise(8, 4).toColourspace('cmyk').jpeg().toBuffer()
  for (const bytes of [grey, deep, cmyk]) {
    expect((await decodePicture(bytes)).data).toHaveLength(8 * 4 * 3)
  }
  const turned = await noise(8, 4).withMetadata({ orientation: 6 }).jpeg().toBuffer()
  expect(await decodePicture(turned)).toMatchObject({ width: 4, height: 8 })
})

test('picture: unreadable and truncated files fail with InvalidInput', async () => {
  const png = await noise(64, 64).png().toBuffer()
  const jpeg = await noise(64, 64).jpeg().toBuffer()
  const flipped = Buffer.from(png)
  flipped[png.length >> 1] = (flipped[png.length >> 1] ?? 0) ^ 0xff
  for (const bytes of [
    png.subarray(0, 8),
    png.subarray(0, 40),
    png.subarray(0, png.length >> 1),
    jpeg.subarray(0, 3),
    jpeg.subarray(0, jpeg.length >> 1),
    flipped,
    Buffer.concat([jpeg.subarray(0, 3), Buffer.alloc(1_000, 0x41)]),
    Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')
  ]) {
    await expect(decodePicture(bytes)).rejects.toThrow(failure(FailureCode.InvalidInput))
  }
})

test('picture: a small file of too many pixels fails with InputTooLarge, before it is decoded', async () => {
  const bomb = await sharp({ create: { width: 5_000, height: 5_000, channels: 3, background: 'white' } })
    .png()
    .toBuffer()
  expect(bomb.length).toBeLessThan(200_000)
  await expect(decodePicture(bomb)).rejects.toThrow(failure(FailureCode.InputTooLarge))
})

test('picture: one that is very long and thin fails with InputTooLarge, however few its pixels', async () => {
  const strip = await sharp({ create: { width: 70_000, height: 2, channels: 3, background: 'white' } })
    .png()
    .toBuffer()
  await expect(decodePicture(strip)).rejects.toThrow(failure(FailureCode.InputTooLarge))
  const long = await sharp({ create: { width: 65_535, height: 1, channels: 3, background: 'white' } })
    .png()
    .toBuffer()
  expect(await decodePicture(long)).toMatchObject({ width: 65_535, height: 1 })
})
