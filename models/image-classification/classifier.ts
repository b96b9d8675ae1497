import { z } from 'zod'
import { type Architecture, ManifestError } from '../../src/interface/index.js'
import { exponential } from '../tools/exact-math.js'
import { floatsOf, floatTensor } from '../tools/float-tensors.js'
import { readModelJson, readSettings } from '../tools/json-file.js'
import { bestLabels } from '../tools/labels.js'
import { openGraph } from '../tools/onnx.js'
import { decodePicture, type RgbPicture } from '../tools/picture.js'
import { brightness, pixelValues, readPixelConfig } from '../tools/pixel-values.js'
import type { ImageClassificationInput, ImageClassificationOutput } from './task.js'

/**
 * Image classifiers as Hugging Face's Optimum exports them (ViT, ResNet, ConvNeXT, MobileNet and their like): `pixel_values` to
 * `logits`. Files: `model` (the graph), `config` (for `id2label`), `preprocessorConfig`.
 */

const settingsSchema = z.strictObject({
  /** How many labels are answered. */
  topK: z.int().min(1).max(1000).default(5),
  /** `sigmoid` for networks whose labels do not exclude each other. */
  scores: z.enum(['softmax', 'sigmoid']).default('softmax'),
  /** Turns a picture into its negative where its edge is light: for networks that know light signs on dark ground. */
  lightOnDark: z.boolean().default(false)
})

/** 100,000 labels are more than any data set has. */
const configSchema = z.object({
  id2label: z
    .record(z.string().regex(/^\d{1,6}$/u), z.string().max(1_000))
    .refine(labels => Object.keys(labels).length <= 100_000, 'has too many labels')
})

export const architecture: Architecture<ImageClassificationInput, ImageClassificationOutput> = {
  name: 'classifier',

  async load(manifest, files) {
    const { topK, scores, lightOnDark } = readSettings(manifest, settingsSchema)
    const { id2label } = await readModelJson(manifest, files, 'config', configSchema)
    const pixels = await readPixelConfig(manifest, files)
    const graph = await openGraph(files.path('model'), manifest)
    const names = Object.keys(id2label).map((_, index) => id2label[index] ?? `LABEL_${index}`)
    return {
      // The network draws nothing at random, so the seed has no say.
      async run({ image }) {
        const picture = await decodePicture(image)
        const { data, shape } = pixelValues(lightOnDark ? withDarkEdge(picture) : picture, pixels)
        const outputs = await graph.run({ pixel_values: floatTensor(graph, 'pixel_values', data, shape) })
        const logits = floatsOf(graph, outputs, 'logits').data
        if (logits.length !== names.length) {
          throw new ManifestError(
            `Model ${manifest.name}: ${logits.length} logits for ${names.length} labels`
          )
        }
        return bestLabels(scores === 'softmax' ? softmax(logits) : Array.from(logits, sigmoid), names, topK)
      },
      close: () => graph.release()
    }
  }
}

/** With our own exponential, so that equal logits give equal scores on every machine. */
export function softmax(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits)
  const highest = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY)
  const powers = values.map(value => exponential(value - highest))
  const sum = powers.reduce((total, power) => total + power, 0)
  return powers.map(power => power / sum)
}

function sigmoid(logit: number): number {
  return 1 / (1 + exponential(-logit))
}

/** The picture, or its negative if its outermost pixels are lighter than half on average. */
export function withDarkEdge(picture: RgbPicture): RgbPicture {
  const { width, height, data } = picture
  const isEdge = (pixel: number): boolean => {
    const [x, y] = [pixel % width, Math.floor(pixel / width)]
    return x === 0 || y === 0 || x === width - 1 || y === height - 1
  }
  let [sum, count] = [0, 0]
  for (let pixel = 0; pixel < width * height; pixel++) {
    if (isEdge(pixel)) {
      sum += brightness(data, pixel)
      count++
    }
  }
  return sum / count > 127.5 ? { width, height, data: data.map(value => 255 - value) } : picture
}
