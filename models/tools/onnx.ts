import { type InferenceSession, Tensor } from 'onnxruntime-common'
import { type Manifest, ManifestError } from '../../src/interface/index.js'
import { checkGraph } from './graph-check.js'
import type { Runtime } from './onnx/runtime.js'

export { Tensor }

/** A graph in memory, the same for both runtimes. */
export interface Graph {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  /** Type and shape of each input, in the order of `inputNames`; a dimension that may vary is a name. */
  readonly inputs: readonly InferenceSession.ValueMetadata[]
  readonly outputs: readonly InferenceSession.ValueMetadata[]
  /** Blocks the event loop while it computes. Numbers of float16 are given as bits (half.ts). Throws what the runtime throws. */
  run(feeds: InferenceSession.FeedsType): Promise<InferenceSession.ReturnType>
  release(): Promise<void>
}

/** Loaded only where a manifest asks for it: each brings 15 to 20 MB of code. */
const runtimes: Record<Manifest['runtime']['kind'], () => Promise<Runtime>> = {
  native: async () => (await import('./onnx/native.js')).native,
  canonical: async () => (await import('./onnx/canonical.js')).canonical
}

/** Version of the runtime that `manifest.runtime.kind` names, for receipts: `1.30.0`. */
export async function runtimeVersion(kind: Manifest['runtime']['kind']): Promise<string> {
  return (await runtimes[kind]()).version()
}

/**
 * Opens a graph as the manifest's runtime says: `native` (onnxruntime-node, fast) or `canonical` (onnxruntime-web's
 * WebAssembly with one thread: the same bits on every machine). The graph is checked first (graph-check.ts). Throws
 * ManifestError where the check or the runtime does not take the file.
 */
export async function openGraph(path: string, { name, runtime, files }: Manifest): Promise<Graph> {
  const chosen = await runtimes[runtime.kind]()
  const { externalFiles } = checkGraph(path, { name, files: Object.values(files).map(file => file.path) })
  try {
    return graphOf(
      await chosen.open(path, externalFiles, {
        executionMode: 'sequential',
        graphOptimizationLevel: runtime.optimisation,
        // Warnings about the graph are for who exports it, not for who runs it.
        logSeverityLevel: 3,
        interOpNumThreads: 1,
        intraOpNumThreads: runtime.threads
      })
    )
  } catch (err) {
    // A person can mend the export only with the runtime's own words.
    const reason = err instanceof Error ? err.message.slice(0, 500) : String(err)
    throw new ManifestError(`Model ${name}: ONNX Runtime does not take the file ${path}: ${reason}`, {
      cause: err
    })
  }
}

function graphOf(session: InferenceSession): Graph {
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    inputs: session.inputMetadata,
    outputs: session.outputMetadata,
    run: async feeds => mapTensors(await session.run(mapTensors(feeds))),
    release: () => session.release()
  }
}

/**
 * Gives half-precision numbers as their bits on the way in and out. Where Node has a Float16Array, onnxruntime-common makes one
 * of them, which onnxruntime-node takes for an empty array; and Node 22 has none.
 */
function mapTensors<T extends InferenceSession.FeedsType | InferenceSession.ReturnType>(tensors: T): T {
  const isHalf = Object.values(tensors).some(({ type }) => type === 'float16')
  return isHalf
    ? (Object.fromEntries(Object.entries(tensors).map(([name, value]) => [name, withHalfBits(value)])) as T)
    : tensors
}

function withHalfBits(tensor: Tensor): Tensor {
  const { type, data, dims } = tensor
  if (type !== 'float16' || !ArrayBuffer.isView(data) || data instanceof Uint16Array) {
    return tensor
  }
  const bits = new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2)
  return Object.assign(new Tensor('uint16', bits, dims), { type: 'float16' as const })
}

/** Runs a graph of one input and one output, both float32. Throws ManifestError if the graph is of another kind. */
export async function runFloatGraph(
  graph: Graph,
  data: Float32Array,
  shape: number[]
): Promise<{ data: Float32Array; shape: readonly number[] }> {
  const [inputName, outputName] = [graph.inputNames[0], graph.outputNames[0]]
  if (inputName === undefined || outputName === undefined) {
    throw new ManifestError('The graph has no input or no output')
  }
  const outputs = await graph.run({ [inputName]: new Tensor('float32', data, shape) })
  return floatOutput(outputs, outputName)
}

/** One float32 output of a run. Throws ManifestError where there is none of this name and type. */
export function floatOutput(
  outputs: InferenceSession.ReturnType,
  name: string
): { data: Float32Array; shape: readonly number[] } {
  const output = outputs[name]
  if (output === undefined || !(output.data instanceof Float32Array)) {
    throw new ManifestError(`The graph's output ${name} is not float32`)
  }
  return { data: output.data, shape: output.dims }
}
