import path from 'node:path'
import { ManifestError } from '../../src/interface/index.js'
import { openFileSource } from './onnx/file-source.js'
import { checkGraphFields } from './onnx/graph-fields.js'

export interface GraphCheckInit {
  /** Names the model in errors. */
  name: string
  /** Paths of the manifest's files, as it writes them. */
  files: readonly string[]
}

export interface CheckedGraph {
  /** Files beside the graph that hold its weights: their names, as the graph writes them. */
  externalFiles: string[]
}

/** Protobuf's own limit: a larger model keeps its weights in external files. */
const maxFileBytes = 2 * 1024 ** 3 - 1

/**
 * Looks at an ONNX file before a runtime loads it: its form, its size, how deep it nests, which operators it uses, how large the
 * tensors are that it declares, and which files it asks for. Reads the structure and passes over the weights, so it takes
 * milliseconds and little memory. What it cannot foresee (an endless loop, a tensor whose size is computed) is ended by the limits
 * of the process that runs the model. Throws ManifestError.
 */
export function checkGraph(file: string, { name, files }: GraphCheckInit): CheckedGraph {
  const source = openFileSource(file)
  try {
    if (source.sizeBytes > maxFileBytes) {
      throw new ManifestError(`it has ${source.sizeBytes} bytes: at most ${maxFileBytes} are taken`)
    }
    const { externalFiles } = checkGraphFields(source)
    for (const location of externalFiles) {
      checkExternalFile(file, location, files)
    }
    return { externalFiles: [...externalFiles] }
  } catch (err) {
    if (err instanceof ManifestError) {
      throw new ManifestError(`Model ${name}: the graph ${file} is refused: ${err.message}`, { cause: err })
    }
    throw err
  } finally {
    source.close()
  }
}

/** Rule: a graph reads no file but those that its manifest names, and whose hashes have been checked. */
function checkExternalFile(file: string, location: string, files: readonly string[]): void {
  const found = path.resolve(path.dirname(file), location).split(path.sep).join('/')
  const isNamed =
    !path.isAbsolute(location) &&
    !location.split(/[\\/]/u).includes('..') &&
    files.some(named => found.endsWith(`/${named.replace(/^npm:/u, 'node_modules/')}`))
  if (!isNamed) {
    throw new ManifestError(
      `it keeps weights in ${JSON.stringify(location.slice(0, 200))}, which the manifest does not name`
    )
  }
}
