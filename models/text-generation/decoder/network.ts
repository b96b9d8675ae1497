import type { InferenceSession } from 'onnxruntime-common'
import { ManifestError } from '../../../src/interface/index.js'
import { fromHalf } from '../../tools/half.js'
import { type Graph, Tensor } from '../../tools/onnx.js'
import { integerTensor } from '../../tools/token-feeds.js'

/** One text in the making: what it has read so far stays in the network's cache. */
export interface DecoderState {
  /** Reads more tokens. Returns the logits of the token that follows the last of them. */
  read(tokens: number[]): Promise<Float32Array>
}

/** `past_key_values.0.key` → `present.0.key`. */
const cacheInput = /^past_key_values\.(\d+)\.(key|value)$/u

/**
 * A graph in Optimum's layout for decoders: with key/value cache (`decoder_with_past_model.onnx`, `decoder_model_merged.onnx`
 * with its `use_cache_branch`, or the one `model.onnx` of newer exports) or without any. Throws ManifestError for a graph
 * with inputs of another kind.
 */
export function decoderNetwork(graph: Graph, heads: number, headSize: number): { start(): DecoderState } {
  const caches = graph.inputNames.filter(name => cacheInput.test(name))
  checkNames(graph, caches)
  return {
    start: () => {
      const past: Record<string, Tensor> = {}
      for (const name of caches) {
        past[name] = emptyCache(graph, name, heads, headSize)
      }
      const all: number[] = []
      return {
        async read(tokens) {
          const known = all.length
          all.push(...tokens)
          const cached = caches.length > 0 ? known : 0
          const outputs = await graph.run({ ...past, ...feeds(graph, all, cached) })
          for (const name of caches) {
            const present = outputs[name.replace('past_key_values', 'present')]
            if (present === undefined || present.dims[2] !== all.length) {
              throw new ManifestError(
                `The graph's cache ${name} has the shape ${present?.dims.join('×')} after ${all.length} tokens`
              )
            }
            past[name]?.dispose()
            past[name] = present
          }
          return lastLogits(outputs)
        }
      }
    }
  }
}

const otherInputs = ['input_ids', 'attention_mask', 'position_ids', 'use_cache_branch', 'num_logits_to_keep']

function checkNames(graph: Graph, caches: string[]): void {
  const strange = graph.inputNames.find(name => !caches.includes(name) && !otherInputs.includes(name))
  if (strange !== undefined || !graph.inputNames.includes('input_ids')) {
    throw new ManifestError(
      strange === undefined
        ? 'The graph has no input input_ids: it is no decoder in the layout of Hugging Face Optimum'
        : `The graph's input ${strange} is not known: it is no decoder in the layout of Hugging Face Optimum`
    )
  }
  const lacking = ['logits', ...caches.map(name => name.replace('past_key_values', 'present'))].find(
    name => !graph.outputNames.includes(name)
  )
  if (lacking !== undefined) {
    throw new ManifestError(`The graph has no output ${lacking}`)
  }
}

/** `cached`: of all the tokens, how many the cache holds. */
function feeds(graph: Graph, all: number[], cached: number): InferenceSession.FeedsType {
  const fed: Record<string, Tensor> = {
    input_ids: integerTensor(graph, 'input_ids', all.slice(cached))
  }
  const has = (name: string): boolean => graph.inputNames.includes(name)
  if (has('attention_mask')) {
    fed['attention_mask'] = integerTensor(
      graph,
      'attention_mask',
      all.map(() => 1)
    )
  }
  if (has('position_ids')) {
    const positions = all.map((_, index) => index).slice(cached)
    fed['position_ids'] = integerTensor(graph, 'position_ids', positions)
  }
  if (has('use_cache_branch')) {
    fed['use_cache_branch'] = new Tensor('bool', Uint8Array.of(cached > 0 ? 1 : 0), [1])
  }
  if (has('num_logits_to_keep')) {
    fed['num_logits_to_keep'] = new Tensor('int64', BigInt64Array.of(1n), [])
  }
  return fed
}

/** Shape [1, heads, 0, head size]. */
function emptyCache(graph: Graph, name: string, heads: number, headSize: number): Tensor {
  const input = graph.inputs.find(candidate => candidate.name === name)
  if (input?.isTensor !== true || input.shape.length !== 4) {
    throw new ManifestError(`The graph's input ${name} has not the shape batch × heads × tokens × head size`)
  }
  const size = (index: number, otherwise: number): number => {
    const declared = input.shape[index]
    return typeof declared === 'number' && declared > 0 ? declared : otherwise
  }
  const shape = [1, size(1, heads), 0, size(3, headSize)]
  switch (input.type) {
    case 'float32':
      return new Tensor('float32', new Float32Array(), shape)
    case 'float16':
      return new Tensor('float16', new Uint16Array(), shape)
    default:
      throw new ManifestError(`The graph's input ${name} is ${input.type}, not float32 or float16`)
  }
}

/** Of an output of shape [1, tokens, vocabulary], the last row. */
function lastLogits(outputs: InferenceSession.ReturnType): Float32Array {
  const logits = outputs['logits']
  const vocabulary = logits?.dims.at(-1) ?? 0
  if (logits?.data instanceof Float32Array && vocabulary > 0) {
    return logits.data.slice(-vocabulary)
  }
  if (logits?.type === 'float16' && vocabulary > 0 && ArrayBuffer.isView(logits.data)) {
    // A Float16Array where the runtime of JavaScript has one; its bits are the same.
    const { buffer, byteOffset, byteLength } = logits.data
    const bits = new Uint16Array(buffer, byteOffset + byteLength - 2 * vocabulary, vocabulary)
    return Float32Array.from(bits, fromHalf)
  }
  throw new ManifestError('The graph answered no logits of float32 or float16')
}
