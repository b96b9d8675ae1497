import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
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
  async open(path, externalFiles, options) {
    const externalData = await Promise.all(
      externalFiles.map(async file => ({ path: file, data: await readFile(resolve(dirname(path), file)) }))
    )
    return InferenceSession.create(await readFile(path), {
      ...options,
      externalData,
      executionProviders: ['wasm'],
      intraOpNumThreads: 1
    })
  }
}
