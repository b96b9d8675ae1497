import { z } from 'zod'
import { type Architecture, ManifestError } from '../../src/interface/index.js'
import { denoise, timestepTensor } from '../tools/diffusion/denoise.js'
import { createScheduler } from '../tools/diffusion/scheduler.js'
import {
  diffusionSettings,
  enlarged,
  pictureOf,
  sampleShape,
  unetConfigSchema
} from '../tools/diffusion/settings.js'
import { floatsOf, floatTensor } from '../tools/float-tensors.js'
import { readModelJson, readSettings } from '../tools/json-file.js'
import { openGraph } from '../tools/onnx.js'
import { encodePng } from '../tools/png.js'
import { seededRandom } from '../tools/random.js'
import type { UnconditionalImageGenerationInput, UnconditionalImageGenerationOutput } from './task.js'

/**
 * Diffusion models in pixels, laid out as diffusers' DDPMPipeline: a UNet (`sample`, `timestep` to `out_sample`) and a scheduler.
 * Files: `unet` (the graph), `unetConfig`, `scheduler` (scheduler_config.json). Pictures of one channel or three.
 */

const settingsSchema = z.strictObject(diffusionSettings)

export const architecture: Architecture<
  UnconditionalImageGenerationInput,
  UnconditionalImageGenerationOutput
> = {
  name: 'ddpm',
  usesSeed: () => true,

  async load(manifest, files) {
    const settings = readSettings(manifest, settingsSchema)
    const shape = sampleShape(await readModelJson(manifest, files, 'unetConfig', unetConfigSchema))
    const [, channels, height, width] = shape
    if (channels !== 1 && channels !== 3) {
      throw new ManifestError(`Model ${manifest.name}: pictures of ${channels} channels cannot be shown`)
    }
    const config = await readModelJson(manifest, files, 'scheduler', z.looseObject({}))
    const scheduler = createScheduler({ ...settings, config, kind: settings.scheduler })
    const unet = await openGraph(files.path('unet'), manifest)
    const predict = async (sample: Float32Array, timestep: number): Promise<Float32Array> => {
      const outputs = await unet.run({
        sample: floatTensor(unet, 'sample', sample, shape),
        timestep: timestepTensor(unet, timestep)
      })
      return floatsOf(unet, outputs).data
    }
    return {
      async run(_input, seed) {
        const length = channels * height * width
        const values = await denoise({ scheduler, length, random: seededRandom(seed), predict })
        return { image: encodePng(enlarged(pictureOf(values, channels, height, width), settings)) }
      },
      close: () => unet.release()
    }
  }
}
