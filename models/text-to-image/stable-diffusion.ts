import { z } from 'zod'
import { type Architecture, ManifestError } from '../../src/interface/index.js'
import { denoise, timestepTensor } from '../tools/diffusion/denoise.js'
import { createScheduler, type Scheduler } from '../tools/diffusion/scheduler.js'
import {
  diffusionSettings,
  enlarged,
  pictureOf,
  sampleShape,
  unetConfigSchema
} from '../tools/diffusion/settings.js'
import { floatsOf, floatTensor } from '../tools/float-tensors.js'
import { readModelJson, readOptionalModelJson, readSettings } from '../tools/json-file.js'
import { type Graph, openGraph } from '../tools/onnx.js'
import { encodePng } from '../tools/png.js'
import { seededRandom } from '../tools/random.js'
import { tokenFeeds } from '../tools/token-feeds.js'
import { openPromptTokens, type PromptTokens } from './stable-diffusion/prompt-tokens.js'
import type { TextToImageInput, TextToImageOutput } from './task.js'

/**
 * Latent diffusion in the layout of a Stable Diffusion 1.x or 2.x pipeline exported to ONNX. Files: `textEncoder`, `unet`,
 * `vaeDecoder` (graphs), `unetConfig`, `vaeDecoderConfig`, `scheduler` (scheduler_config.json), `tokenizer` (tokenizer.json) and
 * `tokenizerConfig`. No graph draws a number: the noise is an input, made from the whole seed.
 */

const settingsSchema = z.strictObject({
  ...diffusionSettings,
  /** How much the prompt counts (classifier-free guidance); 1 asks the network once a step instead of twice. */
  guidanceScale: z.number().min(1).max(50).default(7.5),
  /** What the picture is led away from. */
  negativePrompt: z.string().max(1_000).default('')
})

type Settings = z.infer<typeof settingsSchema>

const vaeConfigSchema = z.object({ scaling_factor: z.number().positive().default(0.18215) })

interface Networks {
  textEncoder: Graph
  unet: Graph
  vaeDecoder: Graph
  /** Of one latent: [1, channels, height, width]. */
  shape: [1, number, number, number]
  scalingFactor: number
  scheduler: Scheduler
  tokens: PromptTokens
}

export const architecture: Architecture<TextToImageInput, TextToImageOutput> = {
  name: 'stable-diffusion',
  usesSeed: () => true,

  async load(manifest, files) {
    const settings = readSettings(manifest, settingsSchema)
    const config = await readModelJson(manifest, files, 'scheduler', z.looseObject({}))
    const vae = await readOptionalModelJson(manifest, files, 'vaeDecoderConfig', vaeConfigSchema)
    const networks: Networks = {
      shape: sampleShape(await readModelJson(manifest, files, 'unetConfig', unetConfigSchema)),
      scalingFactor: (vae ?? vaeConfigSchema.parse({})).scaling_factor,
      scheduler: createScheduler({ ...settings, config, kind: settings.scheduler }),
      tokens: await openPromptTokens(manifest, files),
      textEncoder: await openGraph(files.path('textEncoder'), manifest),
      unet: await openGraph(files.path('unet'), manifest),
      vaeDecoder: await openGraph(files.path('vaeDecoder'), manifest)
    }
    return {
      run: async ({ text }, seed) => ({
        image: await draw(networks, settings, text, seed)
      }),
      async close() {
        await networks.textEncoder.release()
        await networks.unet.release()
        await networks.vaeDecoder.release()
      }
    }
  }
}

async function draw(
  networks: Networks,
  settings: Settings,
  prompt: string,
  seed: Uint8Array
): Promise<Uint8Array> {
  const { scheduler, shape, scalingFactor, vaeDecoder } = networks
  const isGuided = settings.guidanceScale > 1
  // Without the prompt first, then with it: as Stable Diffusion's pipelines batch them.
  const hidden = await encodeTexts(networks, isGuided ? [settings.negativePrompt, prompt] : [prompt])
  const latents = await denoise({
    scheduler,
    length: shape.reduce((product, size) => product * size),
    random: seededRandom(seed),
    async predict(sample, timestep) {
      const predicted = await askUnet(networks, sample, timestep, hidden)
      return isGuided ? guided(predicted, settings.guidanceScale) : predicted
    }
  })
  const scaled = latents.map(value => value / scalingFactor)
  const outputs = await vaeDecoder.run({
    latent_sample: floatTensor(vaeDecoder, 'latent_sample', scaled, shape)
  })
  const picture = floatsOf(vaeDecoder, outputs)
  const [, channels = 0, height = 0, width = 0] = picture.shape
  if (channels !== 3) {
    throw new ManifestError(
      `The VAE decoder answered the shape ${picture.shape.join('×')}, not 1×3×height×width`
    )
  }
  return encodePng(enlarged(pictureOf(picture.data, channels, height, width), settings))
}

/** What the text encoder says of some texts: [texts, tokens, width]. */
interface Hidden {
  data: Float32Array
  shape: [number, number, number]
}

/** The hidden states of each text, one after the other. */
async function encodeTexts({ textEncoder, tokens }: Networks, texts: string[]): Promise<Hidden> {
  const states: Float32Array[] = []
  let shape: readonly number[] = []
  for (const text of texts) {
    const outputs = await textEncoder.run(tokenFeeds(textEncoder, tokens.encode(text)))
    const state = floatsOf(textEncoder, outputs)
    states.push(state.data)
    shape = state.shape
  }
  const [, length = 0, width = 0] = shape
  const joined = new Float32Array(texts.length * length * width)
  for (const [index, state] of states.entries()) {
    joined.set(state.subarray(0, length * width), index * length * width)
  }
  return { data: joined, shape: [texts.length, length, width] }
}

/** The predictions of one sample with each of the hidden states. */
async function askUnet(
  { unet, shape }: Networks,
  sample: Float32Array,
  timestep: number,
  hidden: Hidden
): Promise<Float32Array> {
  const [batch] = hidden.shape
  const [, ...rest] = shape
  const samples = new Float32Array(batch * sample.length)
  for (let index = 0; index < batch; index++) {
    samples.set(sample, index * sample.length)
  }
  const outputs = await unet.run({
    sample: floatTensor(unet, 'sample', samples, [batch, ...rest]),
    timestep: timestepTensor(unet, timestep),
    encoder_hidden_states: floatTensor(unet, 'encoder_hidden_states', hidden.data, hidden.shape)
  })
  return floatsOf(unet, outputs).data
}

/** Classifier-free guidance (Ho and Salimans, 2022): away from the first prediction, through the second. */
export function guided(predictions: Float32Array, scale: number): Float32Array {
  const half = predictions.length / 2
  const [free, bound] = [predictions.subarray(0, half), predictions.subarray(half)]
  return Float32Array.from(free, (value, index) => value + scale * ((bound[index] ?? 0) - value))
}
