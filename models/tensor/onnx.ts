import { z } from 'zod'
import {
  type Architecture,
  FailureCode,
  JobFailedError,
  type LoadedModel,
  ManifestError
} from '../../src/interface/index.js'
import { type Graph, openGraph, Tensor } from '../tools/onnx.js'
import {
  elementCount,
  maxElements,
  type NamedTensor,
  type TensorData,
  type TensorDataType
} from '../tools/open-inference.js'
import type { TensorInput, TensorOutput } from './task.js'

/** Any ONNX graph whose inputs and outputs are tensors. File: `model`. */

const settingsSchema = z.strictObject({
  /** Outputs that are answered, by name; all of them if it is left out. */
  outputs: z.array(z.string()).optional()
})

type OrtType = Tensor.Type

const ortTypes: Record<TensorDataType, OrtType> = {
  BOOL: 'bool',
  INT8: 'int8',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  UINT8: 'uint8',
  UINT16: 'uint16',
  UINT32: 'uint32',
  UINT64: 'uint64',
  FP16: 'float16',
  FP32: 'float32',
  FP64: 'float64',
  BYTES: 'string'
}
const dataTypesOf = new Map(
  Object.entries(ortTypes).map(([datatype, type]): [string, TensorDataType] => [
    type,
    datatype as TensorDataType
  ])
)

export const architecture: Architecture<TensorInput, TensorOutput> = {
  name: 'onnx',

  async load(manifest, files): Promise<LoadedModel<TensorInput, TensorOutput>> {
    const settings = settingsSchema.safeParse(manifest.settings)
    if (!settings.success) {
      throw new ManifestError(`Model ${manifest.name}: settings: ${z.prettifyError(settings.error)}`)
    }
    const graph = await openGraph(files.path('model'), manifest)
    const names = settings.data.outputs ?? [...graph.outputNames]
    const unknown = names.find(name => !graph.outputNames.includes(name))
    if (unknown !== undefined) {
      throw new ManifestError(
        `Model ${manifest.name}: the graph has no output ${JSON.stringify(unknown)}: it has ${graph.outputNames.join(', ')}`
      )
    }
    return {
      // A graph that draws random numbers is refused, so the seed has no say.
      async run({ inputs }) {
        const outputs = await graph.run(feedsOf(graph, inputs))
        return { outputs: names.map(name => namedTensor(name, outputs[name])) }
      },
      close: () => graph.release()
    }
  }
}

function feedsOf(graph: Graph, inputs: readonly NamedTensor[]): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {}
  for (const input of inputs) {
    const expected = graph.inputs.find(({ name }) => name === input.name)
    if (expected === undefined || Object.hasOwn(feeds, input.name)) {
      throw invalid(
        `The model takes no ${Object.hasOwn(feeds, input.name) ? 'second ' : ''}input ${JSON.stringify(input.name)}: it takes ${graph.inputNames.join(', ')}`
      )
    }
    if (!expected.isTensor) {
      throw new JobFailedError(FailureCode.Unsupported, `The model's input ${input.name} is no tensor`)
    }
    const wanted = dataTypesOf.get(expected.type)
    if (wanted !== input.datatype) {
      throw invalid(`The input ${input.name} must be ${wanted ?? expected.type}, and is ${input.datatype}`)
    }
    if (!fits(expected.shape, input.shape)) {
      throw invalid(
        `The input ${input.name} must have the shape [${expected.shape.join(', ')}], and has [${input.shape.join(', ')}]`
      )
    }
    feeds[input.name] = new Tensor(ortTypes[input.datatype], input.data, input.shape)
  }
  const missing = graph.inputNames.filter(name => !Object.hasOwn(feeds, name))
  if (missing.length > 0) {
    throw invalid(`The model needs the input ${missing.join(', ')}`)
  }
  return feeds
}

/** A dimension that may vary is a name, or -1. */
function fits(expected: readonly (number | string)[], found: readonly number[]): boolean {
  return (
    expected.length === found.length &&
    expected.every((size, index) => typeof size === 'string' || size < 0 || size === found[index])
  )
}

function namedTensor(name: string, value: Tensor | undefined): NamedTensor {
  const datatype = dataTypesOf.get(value?.type ?? '')
  if (value === undefined || datatype === undefined) {
    throw new JobFailedError(
      FailureCode.Unsupported,
      `The model's output ${name} is no tensor of a known type`
    )
  }
  const length = elementCount(value.dims)
  if (length > maxElements) {
    throw new JobFailedError(
      FailureCode.OutputTooLarge,
      `The output ${name} has ${length} elements: at most ${maxElements} are taken`
    )
  }
  return { name, datatype, shape: [...value.dims], data: value.data as TensorData }
}

function invalid(reason: string): JobFailedError {
  return new JobFailedError(FailureCode.InvalidInput, reason)
}
