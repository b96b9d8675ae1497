import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { type Architecture, ManifestError } from '../../src/interface/index.js'
import { type Graph, openGraph, runFloatGraph } from '../tools/onnx.js'
import { decodePicture, type RgbPicture } from '../tools/picture.js'
import { type DetectionSettings, detectionInput, findBoxes } from './pp-ocr/detection.js'
import { type Box, quarterTurned } from './pp-ocr/geometry.js'
import { inReadingOrder, type PlacedText } from './pp-ocr/reading-order.js'
import { type Character, decodeCharacters, lineHeight, lineInput } from './pp-ocr/recognition.js'
import { findGaps, joinCharacters } from './pp-ocr/spacing.js'
import type { ImageToTextInput, ImageToTextOutput } from './task.js'

/**
 * PaddleOCR's PP-OCR (https://github.com/PaddlePaddle/PaddleOCR), exported to ONNX: a network finds lines of text, another
 * reads each one. Files: `detection`, `recognition` (graphs), `dictionary` (a character a line).
 */

const settingsSchema = z.strictObject({
  maxSide: z.int().min(32).max(4096),
  minSide: z.int().min(32).max(4096),
  pixelThreshold: z.number().min(0).max(1),
  boxThreshold: z.number().min(0).max(1),
  unclipRatio: z.number().min(0).max(10),
  maxBoxes: z.int().min(1).max(1000),
  /** A line is dropped whose characters are less probable than this on average. */
  textThreshold: z.number().min(0).max(1)
})

type Settings = z.infer<typeof settingsSchema> & DetectionSettings

interface Networks {
  detection: Graph
  recognition: Graph
  /** Entry 0 is CTC's blank, the last one the space. */
  alphabet: string[]
}

export const architecture: Architecture<ImageToTextInput, ImageToTextOutput> = {
  name: 'pp-ocr',

  async load(manifest, files) {
    const settings = settingsSchema.safeParse(manifest.settings)
    if (!settings.success) {
      throw new ManifestError(`Model ${manifest.name}: settings: ${z.prettifyError(settings.error)}`)
    }
    const dictionary = await readFile(files.path('dictionary'), 'utf8')
    const networks: Networks = {
      detection: await openGraph(files.path('detection'), manifest),
      recognition: await openGraph(files.path('recognition'), manifest),
      alphabet: ['', ...dictionary.replace(/\r?\n$/u, '').split(/\r?\n/u), ' ']
    }
    return {
      // The networks draw nothing at random, so the seed has no say.
      run: async ({ image }) => ({
        text: await readText(networks, settings.data, await decodePicture(image))
      }),
      close: async () => {
        await networks.detection.release()
        await networks.recognition.release()
      }
    }
  }
}

async function readText(networks: Networks, settings: Settings, picture: RgbPicture): Promise<string> {
  const { tensor, width, height, toPicture } = detectionInput(picture, settings)
  const map = await runFloatGraph(networks.detection, tensor, [1, 3, height, width])
  if (map.data.length !== width * height) {
    throw new ManifestError(`The detection network answered the shape ${map.shape.join('×')}`)
  }
  const pieces: PlacedText[] = []
  for (const box of findBoxes(map.data, width, height, settings)) {
    const line = await readUpright(networks, picture, toPicture(box))
    if (line.text !== '' && line.probability >= settings.textThreshold) {
      pieces.push(line)
    }
  }
  return inReadingOrder(pieces)
}

interface ReadLine extends PlacedText {
  /** Mean over its characters; 0 if there are none. */
  probability: number
}

/** A box that is higher than wide holds a narrow character, or a line that runs down or up: the surest reading counts. */
async function readUpright(networks: Networks, picture: RgbPicture, box: Box): Promise<ReadLine> {
  const upright = await readLine(networks, picture, box)
  // 1.5 is where PP-OCR takes a box for a vertical line.
  if (box.height < 1.5 * box.width) {
    return upright
  }
  const down = await readLine(networks, picture, quarterTurned(box, 1))
  const up = await readLine(networks, picture, quarterTurned(box, -1))
  return [down, up].reduce((best, line) => (line.probability > best.probability ? line : best), upright)
}

async function readLine(
  { recognition, alphabet }: Networks,
  picture: RgbPicture,
  box: Box
): Promise<ReadLine> {
  const { tensor, width, usedWidth } = lineInput(picture, box)
  const output = await runFloatGraph(recognition, tensor, [1, 3, lineHeight, width])
  if (output.shape.at(-1) !== alphabet.length) {
    throw new ManifestError(
      `The recognition network knows ${output.shape.at(-1)} characters, the dictionary ${alphabet.length}`
    )
  }
  const characters = decodeCharacters(output.data, alphabet)
  const text = joinCharacters(characters, findGaps(tensor, width, usedWidth), (from, to) => {
    let most = 0
    for (let step = from; step <= to; step++) {
      most = Math.max(most, output.data[(step + 1) * alphabet.length - 1] ?? 0)
    }
    return most
  })
  return { text, box, probability: meanProbability(characters) }
}

function meanProbability(characters: Character[]): number {
  const sum = characters.reduce((total, { probability }) => total + probability, 0)
  return characters.length === 0 ? 0 : sum / characters.length
}
