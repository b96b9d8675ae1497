/**
 * The process in which a worker runs models: started by the executor, with the manifests' paths as arguments.
 */
import { openModelFiles } from '../models/index.js'
import { difference } from '../models/tools/compare.js'
import { runtimeVersion } from '../models/tools/onnx.js'
import { hardenDecoders } from '../models/tools/picture.js'
import { serveExecutions } from '../src/execute/child.js'
import { forbidTelemetry } from './config/environment.js'
import { type KnownModels, knownModels } from './model-catalog.js'

forbidTelemetry()
hardenDecoders()
// A manifest that cannot be used is the parent's to tell of.
const readModels = (): Promise<KnownModels> => knownModels(process.argv.slice(2), () => undefined)
let models = readModels()

serveExecutions({
  async resolveModel(cid) {
    if (!(await models).documents.has(cid)) {
      // It may have come since.
      models = readModels()
    }
    const { registry, documents } = await models
    const document = documents.get(cid)
    if (document === undefined) {
      return undefined
    }
    const { task, architecture, runtime } = document.manifest
    return {
      task: registry.task(task),
      manifest: document.manifest,
      runtime: runtime.kind,
      runtimeVersion: await runtimeVersion(runtime.kind),
      sizeBytes: Object.values(document.manifest.files).reduce((sum, file) => sum + file.sizeBytes, 0),
      difference,
      async load() {
        const code = await registry.architecture(task, architecture)
        return code.load(document.manifest, await openModelFiles(document))
      }
    }
  }
})
