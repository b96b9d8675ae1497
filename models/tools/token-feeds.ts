import { ManifestError } from '../../src/interface/index.js'
import { type Graph, Tensor } from './onnx.js'

/** Integers of shape [1, length], of the type that the graph's input wants. Throws ManifestError for another type. */
export function integerTensor(graph: Graph, name: string, values: number[]): Tensor {
  const input = graph.inputs.find(candidate => candidate.name === name)
  const type = input?.isTensor === true ? input.type : undefined
  switch (type) {
    case 'int64':
      return new Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length])
    case 'int32':
      return new Tensor('int32', Int32Array.from(values), [1, values.length])
    default:
      throw new ManifestError(`The graph's input ${name} is ${type ?? 'missing'}, not int64 or int32`)
  }
}

/**
 * One text for a text encoder of Hugging Face's layout: `input_ids`, and those of `attention_mask`, `token_type_ids` and
 * `position_ids` that the graph has. Throws ManifestError for a graph without `input_ids`.
 */
export function tokenFeeds(graph: Graph, tokens: number[]): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = { input_ids: integerTensor(graph, 'input_ids', tokens) }
  const others: Record<string, (index: number) => number> = {
    attention_mask: () => 1,
    token_type_ids: () => 0,
    position_ids: index => index
  }
  for (const [name, value] of Object.entries(others)) {
    if (graph.inputNames.includes(name)) {
      feeds[name] = integerTensor(
        graph,
        name,
        tokens.map((_, index) => value(index))
      )
    }
  }
  return feeds
}
