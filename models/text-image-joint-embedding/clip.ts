import { z } from 'zod'
import { type Architecture, ManifestError } from '../../src/interface/index.js'
import { readSettings } from '../tools/json-file.js'
import { floatOutput, type Graph, openGraph, Tensor } from '../tools/onnx.js'
import { decodePicture } from '../tools/picture.js'
import { type PixelConfig, pixelValues, readPixelConfig } from '../tools/pixel-values.js'
import { encodeText } from '../tools/text-encoder.js'
import { openTokenizer } from '../tools/tokenizer.js'
import { normalised } from '../tools/vectors.js'
import type { JointEmbeddingInput, JointEmbeddingOutput } from './task.js'

/**
 * CLIP and its like in Hugging Face's layout. Files: `textModel` (`input_ids`, … → `text_embeds`), `visionModel` (`pixel_values` →
 * `image_embeds`), `tokenizer`, `preprocessorConfig`, and if there is one `tokenizerConfig`.
 */

const settingsSchema = z.strictObject({
  /** Longer texts lose their end. CLIP: 77. */
  maxTokens: z.int().min(1).max(10_000)
})

export const architecture: Architecture<JointEmbeddingInput, JointEmbeddingOutput> = {
  name: 'clip',

  async load(manifest, files) {
    const { maxTokens } = readSettings(manifest, settingsSchema)
    const pixelConfig = await readPixelConfig(manifest, files)
    const tokenizer = await openTokenizer(manifest, files)
    const textGraph = await openGraph(files.path('textModel'), manifest)
    const visionGraph = await openGraph(files.path('visionModel'), manifest)
    return {
      // The networks draw nothing at random, so the seed has no say. A side that is empty stays empty.
      async run({ text, image }) {
        const vectorOfText = async (): Promise<number[]> =>
          normalised(
            (await encodeText(textGraph, tokenizer, text, { maxTokens, output: 'text_embeds' })).data
          )
        const textEmbedding = text === '' ? [] : await vectorOfText()
        const imageEmbedding =
          image.length === 0 ? [] : await vectorOfPicture(visionGraph, pixelConfig, image)
        if (text !== '' && image.length > 0 && textEmbedding.length !== imageEmbedding.length) {
          throw new ManifestError(
            `The text's vector has ${textEmbedding.length} components, the picture's ${imageEmbedding.length}`
          )
        }
        return { textEmbedding, imageEmbedding }
      },
      async close() {
        await textGraph.release()
        await visionGraph.release()
      }
    }
  }
}

async function vectorOfPicture(graph: Graph, config: PixelConfig, image: Uint8Array): Promise<number[]> {
  const { data, shape } = pixelValues(await decodePicture(image), config)
  const outputs = await graph.run({ pixel_values: new Tensor('float32', data, shape) })
  return normalised(floatOutput(outputs, 'image_embeds').data)
}
