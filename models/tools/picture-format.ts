/** 4 MiB: far above what fits into a transaction, and what a phone's photo takes. */
export const maxPictureBytes = 4 * 1024 * 1024
/** 16 megapixels decode to 48 MB, well inside the memory cap of the process that decodes. */
export const maxPicturePixels = 16 * 1024 * 1024

/** Pixels a side, as many as a JPEG can say: what is shrunk is weighed in memory along a side. */
export const maxPictureSide = 65_535

const signatures = {
  png: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
  jpeg: [0xff, 0xd8, 0xff]
} as const

export type PictureFormat = keyof typeof signatures

/** The format that the first bytes show; undefined for all but PNG and JPEG. */
export function pictureFormat(bytes: Uint8Array): PictureFormat | undefined {
  const formats = Object.keys(signatures) as PictureFormat[]
  return formats.find(format => signatures[format].every((byte, index) => bytes[index] === byte))
}

/** Of a picture that a model made: 16 MiB, a picture of 2,048 pixels squared in PNG. */
export const maxMadePictureBytes = 16 * 1024 * 1024
