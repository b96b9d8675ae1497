import { z } from 'zod'
import {
  type Codec,
  FailureCode,
  JobFailedError,
  ModelCategory,
  type Task
} from '../../src/interface/index.js'
import { decodeAbi, encodeAbi } from '../tools/abi.js'
import { checked, checkSize, decodeJson } from '../tools/codec.js'
import { formatTensors, type NamedTensor, namedTensorSchema, parseTensors } from '../tools/open-inference.js'

/** One tensor for each input of the graph. */
export interface TensorInput {
  inputs: NamedTensor[]
}

export interface TensorOutput {
  outputs: NamedTensor[]
}

/** 64 MiB of JSON: the most elements that are taken, at 16 characters each. */
const maxJsonBytes = 64 * 1024 * 1024

/** Both sides: `{"inputs": […]}` and `{"outputs": […]}`, on chain as a string, in a file as it is. */
function jsonCodec<T>(
  name: string,
  schema: Codec<T>['schema'],
  read: (json: unknown) => T,
  write: (value: T) => unknown
): Codec<T> {
  const parse = (bytes: Uint8Array): T => {
    checkSize(bytes.length, maxJsonBytes, `The ${name}`)
    return read(decodeJson(bytes, `The ${name}`))
  }
  const format = (value: T): string => JSON.stringify(write(value))
  return {
    type: 'tensor',
    schema,
    abi: `(string ${name})`,
    encode: value => encodeAbi(['string'], [format(value)]),
    decode: bytes => parse(new TextEncoder().encode(z.string().parse(decodeAbi(['string'], bytes)[0]))),
    fromContent: parse,
    toContent: value => ({ bytes: new TextEncoder().encode(format(value)), mediaType: 'application/json' })
  }
}

const tensors = z.array(namedTensorSchema)
/** `id`, `parameters` and `outputs` of the protocol's request are taken and have no meaning here. */
const requestSchema = z.object({ inputs: z.unknown() })
const responseSchema = z.object({ outputs: z.unknown() })

const requestCodec = jsonCodec<TensorInput>(
  'request',
  z.object({ inputs: tensors }),
  json => ({ inputs: parseTensors(checked(requestSchema, json, 'The request').inputs, 'The inputs') }),
  ({ inputs }) => ({ inputs: formatTensors(inputs) })
)

/**
 * A job that asks with nothing would be paid for a constant, or for a failure. As a file such a request is taken: ONNX's own
 * cases have graphs without inputs, and a model says by itself which it needs.
 */
function withInputs(request: TensorInput): TensorInput {
  if (request.inputs.length === 0) {
    throw new JobFailedError(
      FailureCode.InvalidInput,
      'The request has no inputs: it must have a tensor for each input of the model, such as {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}'
    )
  }
  return request
}

/**
 * Runs any ONNX model on named tensors, in the JSON form of the Open Inference Protocol:
 * `{"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}`.
 */
export const task: Task<TensorInput, TensorOutput> = {
  name: 'tensor',
  aliases: ['TensorInference'],
  category: ModelCategory.TensorInference,
  contract: 'TensorInference',
  input: {
    ...requestCodec,
    encode: value => requestCodec.encode(withInputs(value)),
    decode: bytes => withInputs(requestCodec.decode(bytes))
  },
  output: jsonCodec(
    'response',
    z.object({ outputs: tensors }),
    json => ({ outputs: parseTensors(checked(responseSchema, json, 'The response').outputs, 'The outputs') }),
    ({ outputs }) => ({ outputs: formatTensors(outputs) })
  )
}
