import type { InferenceSession, Tensor } from 'onnxruntime-common'
import type { Graph } from '../../../../models/tools/onnx.js'

export interface FakeGraphInit {
  /** Names to types. */
  inputs: Record<string, Tensor.Type>
  /** Of the inputs that are not batch × length. */
  shapes?: Record<string, (number | string)[]>
  outputs?: string[]
  run?(feeds: Record<string, Tensor>): Record<string, Tensor>
}

/** A graph whose arithmetic is a function: for code that feeds graphs. */
export function fakeGraph({ inputs, shapes = {}, outputs = [], run }: FakeGraphInit): Graph {
  return {
    inputNames: Object.keys(inputs),
    outputNames: outputs,
    inputs: Object.entries(inputs).map(([name, type]) => ({
      name,
      isTensor: true,
      type,
      shape: shapes[name] ?? ['batch', 'length']
    })),
    outputs: [],
    run: async (feeds: InferenceSession.FeedsType) => run?.(feeds as Record<string, Tensor>) ?? {},
    release: async () => undefined
  }
}
