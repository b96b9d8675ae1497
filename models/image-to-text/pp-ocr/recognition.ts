import type { RgbPicture } from '../../tools/picture.js'
import type { Box } from './geometry.js'
import { type Grid, type Normalisation, sampleTensor } from './resample.js'

/** Height of the network's input, in pixels. */
export const lineHeight = 48
/** PP-OCR pads shorter lines to this width. */
const minWidth = 320
/** 80 times as wide as high: about 150 characters, more than a line of print holds. */
const maxWidth = 80 * lineHeight
const normalisation: Normalisation = { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] }

/** One line of text as the recognition network takes it. */
export interface LineInput {
  /** Shape [1, 3, 48, width]. */
  tensor: Float32Array
  width: number
  /** Columns that hold the line; the rest is padding. */
  usedWidth: number
}

/** Cuts a box out of the picture, turned upright. */
export function lineInput(picture: RgbPicture, box: Box): LineInput {
  const { width: length, height: thickness, angle } = box
  const usedWidth = Math.max(1, Math.min(maxWidth, Math.round((length / thickness) * lineHeight)))
  const width = Math.max(minWidth, Math.ceil(usedWidth / 8) * 8)
  const cos = Math.cos(angle)
  const sin = Math.sin(angle)
  const stepX = length / usedWidth
  const stepY = thickness / lineHeight
  const grid: Grid = {
    originX: box.centreX - (cos * length) / 2 + (sin * thickness) / 2,
    originY: box.centreY - (sin * length) / 2 - (cos * thickness) / 2,
    rightX: cos * stepX,
    rightY: sin * stepX,
    downX: -sin * stepY,
    downY: cos * stepY
  }
  const size = { width: usedWidth, height: lineHeight, rowWidth: width }
  return { tensor: sampleTensor(picture, grid, size, normalisation), width, usedWidth }
}

/** A character and the first and last step of the network's output that say it. */
export interface Character {
  text: string
  first: number
  last: number
  probability: number
}

/**
 * Greedy CTC decoding. `probabilities`: shape [steps, alphabet.length]; entry 0 of the alphabet is the blank.
 * Equal steps in a row are one character; a blank parts two equal ones.
 */
export function decodeCharacters(probabilities: Float32Array, alphabet: string[]): Character[] {
  const characters: Character[] = []
  const steps = probabilities.length / alphabet.length
  let previous = 0
  for (let step = 0; step < steps; step++) {
    const row = probabilities.subarray(step * alphabet.length, (step + 1) * alphabet.length)
    let best = 0
    for (let entry = 1; entry < row.length; entry++) {
      if ((row[entry] ?? 0) > (row[best] ?? 0)) {
        best = entry
      }
    }
    const last = characters.at(-1)
    if (best !== 0 && best !== previous) {
      characters.push({ text: alphabet[best] ?? '', first: step, last: step, probability: row[best] ?? 0 })
    } else if (best !== 0 && last !== undefined) {
      last.last = step
      last.probability = Math.max(last.probability, row[best] ?? 0)
    }
    previous = best
  }
  return characters
}
