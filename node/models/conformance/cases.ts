import { copyFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { cidOfBytes } from '../../../models/index.js'
import { type NamedTensor } from '../../../models/tools/open-inference.js'
import { cidOfFile } from '../../../src/interface/content-id.js'
import { ConfigError, type Manifest } from '../../../src/interface/index.js'
import { readSignature } from './signature.js'
import { readTensorProto } from './tensor-proto.js'

/** One folder with `model.onnx` and `test_data_set_*`. */
export interface Case {
  /** Path of the folder, from the folder that was asked for. */
  name: string
  folder: string
}

export interface DataSet {
  name: string
  inputs: NamedTensor[]
  outputs: NamedTensor[]
}

/** The cases in a folder, however deep, sorted. Throws ConfigError where there are none. */
export async function findCases(root: string): Promise<Case[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch((err: unknown) => {
    throw new ConfigError(`The folder ${root} cannot be read`, { cause: err })
  })
  const folders = entries
    .filter(entry => entry.isFile() && entry.name === 'model.onnx')
    .map(entry => entry.parentPath)
    .toSorted()
  if (folders.length === 0) {
    throw new ConfigError(`There is no model.onnx in ${root}: name a folder of ONNX backend cases`)
  }
  return folders.map(folder => ({ name: relative(root, folder) || basename(folder), folder }))
}

/** Throws UnsupportedCaseError, ManifestError. */
export async function readDataSets({ folder }: Case): Promise<DataSet[]> {
  const { inputs, outputs } = readSignature(await readFile(join(folder, 'model.onnx')))
  const names = (await readdir(folder)).filter(name => name.startsWith('test_data_set_')).toSorted()
  const side = async (name: string, kind: string, tensorNames: string[]): Promise<NamedTensor[]> => {
    const count = (await readdir(join(folder, name))).filter(file => file.startsWith(`${kind}_`)).length
    return Promise.all(
      tensorNames
        .slice(0, count)
        .map(async (tensor, index) =>
          readTensorProto(await readFile(join(folder, name, `${kind}_${index}.pb`)), tensor)
        )
    )
  }
  return Promise.all(
    names.map(async name => ({
      name,
      inputs: await side(name, 'input', inputs),
      outputs: await side(name, 'output', outputs)
    }))
  )
}

/** Makes a model of the tensor task of a case's graph, in a folder of its own. @returns the manifest's CID */
export async function writeCaseModel(
  { name, folder }: Case,
  target: string,
  kind: Manifest['runtime']['kind']
): Promise<string> {
  await mkdir(target, { recursive: true })
  const source = join(folder, 'model.onnx')
  await copyFile(source, join(target, 'model.onnx'))
  const manifest: Manifest = {
    // The end of a path tells more than its beginning.
    name: name.slice(-100),
    task: 'tensor',
    architecture: 'onnx',
    licence: 'Apache-2.0',
    description: 'A case of the ONNX backend tests',
    runtime: { kind, threads: 1, optimisation: 'all' },
    files: {
      model: { path: 'model.onnx', cid: await cidOfFile(source), sizeBytes: (await stat(source)).size }
    },
    settings: {},
    testVectors: []
  }
  const bytes = Buffer.from(JSON.stringify(manifest))
  await writeFile(join(target, `${basename(dirname(source))}.manifest.json`), bytes)
  return cidOfBytes(bytes)
}
