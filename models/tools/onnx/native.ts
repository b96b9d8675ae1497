import { env, InferenceSession } from 'onnxruntime-node'
import type { Runtime } from './runtime.js'

/** ONNX Runtime's own machine code: fast, and its last bits differ between processors. */
export const native: Runtime = {
  version: () => env.versions.node ?? env.versions.common,
  // It opens external files by itself.
  open: (path, _externalFiles, options) => InferenceSession.create(path, options)
}
