import { ManifestError } from '../../../src/interface/index.js'
import { floatTensor } from '../float-tensors.js'
import { type Graph, Tensor } from '../onnx.js'
import type { SeededRandom } from '../random.js'
import type { Scheduler } from './scheduler.js'

export interface DenoiseInit {
  scheduler: Scheduler
  /** How many numbers a sample has. */
  length: number
  random: SeededRandom
  /** What the network says of a sample at a timestep. */
  predict(sample: Float32Array, timestep: number): Promise<Float32Array>
}

/**
 * From noise to a sample. The first numbers of `random` are the noise to begin with, in the sample's order; then come those of
 * each step that adds noise.
 */
export async function denoise({ scheduler, length, random, predict }: DenoiseInit): Promise<Float32Array> {
  let sample: Float32Array = random.normals(length).map(value => value * scheduler.initialSigma)
  for (const [step, timestep] of scheduler.timesteps.entries()) {
    const prediction = await predict(scheduler.input(sample, step), timestep)
    if (prediction.length !== length) {
      throw new ManifestError(`The network answered ${prediction.length} numbers for a sample of ${length}`)
    }
    sample = scheduler.next(
      prediction,
      sample,
      step,
      scheduler.addsNoise(step) ? random.normals(length) : undefined
    )
  }
  return sample
}

/** A timestep, of the type and rank that the graph's input wants. Throws ManifestError for another type. */
export function timestepTensor(graph: Graph, timestep: number): Tensor {
  const input = graph.inputs.find(({ name }) => name === 'timestep')
  const type = input?.isTensor === true ? input.type : undefined
  const shape = input?.isTensor === true && input.shape.length === 0 ? [] : [1]
  switch (type) {
    case 'int64':
      return new Tensor('int64', BigInt64Array.of(BigInt(Math.round(timestep))), shape)
    case 'float32':
    case 'float16':
      return floatTensor(graph, 'timestep', Float32Array.of(timestep), shape)
    default:
      throw new ManifestError(
        `The UNet's input timestep is ${type ?? 'missing'}, not int64, float32 or float16`
      )
  }
}
