import { readFile } from 'node:fs/promises'
import { env, InferenceSession } from 'onnxruntime-web'
import type { Runtime } from './runtime.js'

/**
 * ONNX Runtime as WebAssembly. Its instructions are defined to the bit, and one thread adds in one order: so all
 * machines agree. Four to six times slower than native.
 */
env.wasm.numThreads = 1
env.wasm.proxy = false

export const canonical: Runtime = {
  version: () => env.versions.web ?? env.versions.common,
  async open(path, options) {
    return InferenceSession.create(await readFile(path), {
      ...options,
      executionProviders: ['wasm'],
      intraOpNumThreads: 1
    })
  }
}
