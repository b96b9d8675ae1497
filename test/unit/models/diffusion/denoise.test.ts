import { describe, expect, test } from 'vitest'
import { guided } from '../../../../models/text-to-image/stable-diffusion.js'
import { denoise, timestepTensor } from '../../../../models/tools/diffusion/denoise.js'
import { createScheduler } from '../../../../models/tools/diffusion/scheduler.js'
import { enlarged, pictureOf, sampleShape } from '../../../../models/tools/diffusion/settings.js'
import type { Graph } from '../../../../models/tools/onnx.js'
import { seededRandom } from '../../../../models/tools/random.js'
import { ManifestError } from '../../../../src/interface/index.js'

const config = { beta_schedule: 'scaled_linear', beta_start: 0.00085, beta_end: 0.012, clip_sample: false }
const length = 6

describe('denoise', () => {
  const asked: number[] = []
  /** A network that takes every sample for noise only. */
  const predict = async (sample: Float32Array, timestep: number): Promise<Float32Array> => {
    asked.push(timestep)
    return sample
  }

  test('begins with the first numbers of the seed, and asks once a step', async () => {
    const shown: Float32Array[] = []
    const scheduler = createScheduler({ config, steps: 5 })
    await denoise({
      scheduler,
      length,
      random: seededRandom(Uint8Array.of(7)),
      predict: async (sample, timestep) => {
        shown.push(sample)
        return predict(sample, timestep)
      }
    })
    expect(shown[0]).toEqual(seededRandom(Uint8Array.of(7)).normals(length))
    expect(asked).toEqual([800, 600, 400, 200, 0])
  })

  test('draws the noise of its steps from the seed too', async () => {
    const run = (seed: number): Promise<Float32Array> =>
      denoise({
        scheduler: createScheduler({ config, kind: 'ddpm', steps: 5 }),
        length,
        random: seededRandom(Uint8Array.of(seed)),
        predict
      })
    expect(await run(1)).toEqual(await run(1))
    expect(await run(1)).not.toEqual(await run(2))
  })

  test('refuses a network that answers another number of numbers', async () => {
    const run = denoise({
      scheduler: createScheduler({ config, steps: 2 }),
      length,
      random: seededRandom(new Uint8Array()),
      predict: async sample => sample.slice(1)
    })
    await expect(run).rejects.toThrow(ManifestError)
  })
})

describe('diffusion: what the graphs take and give', () => {
  const graph = (type: 'int64' | 'int32' | 'float32' | 'float16', shape: number[]): Graph => ({
    inputNames: ['timestep'],
    outputNames: [],
    inputs: [{ name: 'timestep', isTensor: true, type, shape }],
    outputs: [],
    run: async () => ({}),
    release: async () => undefined
  })

  test('timesteps in the type and rank of the graph', () => {
    expect(timestepTensor(graph('int64', [1]), 41.6)).toMatchObject({ type: 'int64', dims: [1] })
    expect(timestepTensor(graph('int64', []), 41.6).data).toEqual(BigInt64Array.of(42n))
    expect(timestepTensor(graph('float32', [1]), 41.5).data).toEqual(Float32Array.of(41.5))
    expect(timestepTensor(graph('float16', [1]), 1).type).toBe('float16')
    expect(() => timestepTensor(graph('int32', [1]), 1)).toThrow(ManifestError)
  })

  test('guidance leads away from the prediction without the prompt', () => {
    expect([...guided(Float32Array.of(1, 2, 2, 0), 3)]).toEqual([4, -4])
  })

  test('numbers from -1 to 1 become bytes, cut at the ends', () => {
    const grey = pictureOf(Float32Array.of(-1, 0, 1, 7), 1, 2, 2)
    expect([...grey.data]).toEqual([0, 0, 0, 128, 128, 128, 255, 255, 255, 255, 255, 255])
    const colour = pictureOf(Float32Array.of(-1, 1, 0), 3, 1, 1)
    expect([...colour.data]).toEqual([0, 255, 128])
    expect(enlarged(colour, { enlarge: 4, resampling: 'bicubic' })).toMatchObject({ width: 4, height: 4 })
  })

  test('sizes of a sample', () => {
    expect(sampleShape({ in_channels: 4, sample_size: 64 })).toEqual([1, 4, 64, 64])
    expect(sampleShape({ in_channels: 4, sample_size: [96, 64] })).toEqual([1, 4, 96, 64])
  })
})
