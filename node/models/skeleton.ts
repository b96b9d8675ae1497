import { cp, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type AnyTask, locateFile, type ManifestDocument } from '../../models/index.js'
import { ConfigError, type Manifest } from '../../src/interface/index.js'
import { sampleInput, skeletonBody } from './skeleton-body.js'

/**
 * Makes the folder of a new model from one that exists: its manifest under the new name, its files and its test vectors. It
 * works as it is; then its files are replaced. Throws ConfigError where the folder exists.
 * @returns path of the manifest
 */
export async function copyModel(template: ManifestDocument, name: string, folder: string): Promise<string> {
  await makeFolder(folder)
  const { manifest } = template
  const files = Object.values(manifest.files).map(file => file.path)
  const vectors = manifest.testVectors.flatMap(({ input, expected }) =>
    typeof expected === 'string' ? [input] : [input, expected.file]
  )
  for (const file of new Set([...files, ...vectors])) {
    if (!file.startsWith('npm:')) {
      await mkdir(dirname(join(folder, file)), { recursive: true })
      await cp(await locateFile(template, file), join(folder, file))
    }
  }
  const description = `Made from ${manifest.name}: say here what the model does, and what it was trained on.`
  return writeManifest(folder, { ...manifest, name, description })
}

/**
 * Writes a new architecture into the repository's folder of its task, and a manifest with a test vector beside it. It works
 * as it is. Throws ConfigError where the files exist.
 * @returns paths of the code and of the manifest
 */
export async function writeArchitecture(
  task: AnyTask,
  name: string,
  taskFolder: string
): Promise<{ code: string; manifest: string }> {
  const code = join(taskFolder, `${name}.ts`)
  await writeNew(code, architectureCode(task, name))
  const { file, bytes } = sampleInput(task)
  const input = `${name}/${file}`
  await mkdir(join(taskFolder, name), { recursive: true })
  await writeFile(join(taskFolder, input), bytes)
  const manifest = await writeManifest(taskFolder, {
    name,
    task: task.name,
    architecture: name,
    licence: 'MIT',
    description: 'Say here what the model does, and what it was trained on.',
    runtime: { kind: 'canonical', threads: 1, optimisation: 'all' },
    files: {},
    settings: {},
    testVectors: [
      { input, seed: '0x', ...(task.reads === undefined ? {} : { reads: ['0x'] }), expected: '' },
      { input, seed: '0x01', ...(task.reads === undefined ? {} : { reads: ['0x'] }), expected: '' }
    ]
  })
  return { code, manifest }
}

function architectureCode(task: AnyTask, name: string): string {
  const { imports, body } = skeletonBody(task)
  return `import type { Architecture } from '../../src/interface/index.js'
${imports.map(line => `${line}\n`).join('')}import type { task } from './task.js'

type Input = ReturnType<typeof task.input.decode>
type Output = ReturnType<typeof task.output.decode>

/** Say here what the model does, which files it needs, and where the weights come from. */
export const architecture: Architecture<Input, Output> = {
  name: '${name}',
${task.name === 'tensor' ? '' : '  usesSeed: () => true,\n'}
  // \`files.path('weights')\` is the verified file that the manifest names so; \`openGraph\` of ../tools/onnx.js opens a graph.
  async load() {
    return {
${body}
      async close() {}
    }
  }
}
`
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(dirname(folder), { recursive: true })
    await mkdir(folder)
  } catch (err) {
    throw new ConfigError(`The folder ${folder} cannot be made: name another with --dir`, { cause: err })
  }
}

async function writeManifest(folder: string, manifest: Manifest): Promise<string> {
  const path = join(folder, `${manifest.name}.manifest.json`)
  await writeNew(path, `${JSON.stringify(manifest, null, 2)}\n`)
  return path
}

async function writeNew(path: string, content: string): Promise<void> {
  try {
    await writeFile(path, content, { flag: 'wx' })
  } catch (err) {
    throw new ConfigError(`The file ${path} cannot be written: does it exist already?`, { cause: err })
  }
}
