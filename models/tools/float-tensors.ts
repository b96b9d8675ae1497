import type { InferenceSession } from 'onnxruntime-common'
import { ManifestError } from '../../src/interface/index.js'
import { fromHalf, toHalf } from './half.js'
import { type Graph, Tensor } from './onnx.js'

/** Numbers for a graph's input, in the precision that it wants: float32 or float16. Throws ManifestError for another type. */
export function floatTensor(
  graph: Graph,
  name: string,
  data: Float32Array,
  shape: readonly number[]
): Tensor {
  const input = graph.inputs.find(candidate => candidate.name === name)
  const type = input?.isTensor === true ? input.type : undefined
  switch (type) {
    case 'float32':
      return new Tensor('float32', data, shape)
    case 'float16':
      return new Tensor('float16', Uint16Array.from(data, toHalf), shape)
    default:
      throw new ManifestError(`The graph's input ${name} is ${type ?? 'missing'}, not float32 or float16`)
  }
}

/** The numbers of a graph's output `name`, or of its first one. Throws ManifestError where it is not float32 or float16. */
export function floatsOf(
  graph: Graph,
  outputs: InferenceSession.ReturnType,
  name: string = graph.outputNames[0] ?? ''
): { data: Float32Array; shape: readonly number[] } {
  const output = outputs[name]
  if (output?.data instanceof Float32Array) {
    return { data: output.data, shape: output.dims }
  }
  if (output?.type === 'float16' && ArrayBuffer.isView(output.data)) {
    const { buffer, byteOffset, byteLength } = output.data
    return {
      data: Float32Array.from(new Uint16Array(buffer, byteOffset, byteLength / 2), fromHalf),
      shape: output.dims
    }
  }
  throw new ManifestError(
    `The graph's output ${name} is ${output?.type ?? 'missing'}, not float32 or float16`
  )
}
