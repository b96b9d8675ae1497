import { env, InferenceSession, Tensor } from 'onnxruntime-node'
import { type Manifest, ManifestError } from '../../src/interface/index.js'

/** Version of the runtime that `manifest.runtime.kind: native` names. */
export function nativeRuntimeVersion(): string {
  return env.versions.node ?? env.versions.common
}

/**
 * Opens a graph as the manifest's runtime says. Throws ManifestError where the file is no graph that the runtime
 * takes, or the manifest asks for a runtime that this version does not have.
 */
export async function openGraph(path: string, { name, runtime }: Manifest): Promise<InferenceSession> {
  if (runtime.kind !== 'native') {
    throw new ManifestError(
      `Model ${name} needs the runtime "${runtime.kind}": this version has only "native"`
    )
  }
  try {
    return await InferenceSession.create(path, {
      intraOpNumThreads: runtime.threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: runtime.optimisation,
      // Warnings about the graph are for who exports it, not for who runs it.
      logSeverityLevel: 3
    })
  } catch (err) {
    throw new ManifestError(`Model ${name}: ONNX Runtime does not take the file ${path}`, { cause: err })
  }
}

/** Runs a graph of one input and one output, both float32. Throws ManifestError if the graph is of another kind. */
export async function runFloatGraph(
  graph: InferenceSession,
  data: Float32Array,
  shape: number[]
): Promise<{ data: Float32Array; shape: readonly number[] }> {
  const [inputName, outputName] = [graph.inputNames[0], graph.outputNames[0]]
  if (inputName === undefined || outputName === undefined) {
    throw new ManifestError('The graph has no input or no output')
  }
  const outputs = await graph.run({ [inputName]: new Tensor('float32', data, shape) })
  const output = outputs[outputName]
  if (output === undefined || !(output.data instanceof Float32Array)) {
    throw new ManifestError(`The graph's output ${outputName} is not float32`)
  }
  return { data: output.data, shape: output.dims }
}
