import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type Architecture, ManifestError, NotFoundError, type Task } from '../src/interface/index.js'
import { type ManifestDocument, readManifest } from './manifest.js'

export * from './manifest.js'

/** A task or architecture whose types are known to itself only; its codecs check what they are given. */
export type AnyTask = Task<unknown, unknown>
export type AnyArchitecture = Architecture<unknown, unknown>

/** The tasks, architectures and manifests of this repository. */
export interface ModelRegistry {
  tasks(): AnyTask[]
  /** By name or alias. Throws NotFoundError. */
  task(name: string): AnyTask
  /** Names of the architectures of a task. */
  architectures(task: string): string[]
  /** Loads the architecture's code. Throws NotFoundError. */
  architecture(task: string, name: string): Promise<AnyArchitecture>
  /** The manifests that lie in the tasks' folders, sorted by path. */
  manifests(): ManifestDocument[]
}

/** This folder, as TypeScript sources or as built in dist/. */
const codeFolder = path.dirname(fileURLToPath(import.meta.url))
const codeExtension = path.extname(fileURLToPath(import.meta.url))

/** The package's models/ folder: manifests and small weights are not copied to dist/. */
export const dataFolder = path.join(packageFolder(codeFolder), 'models')

function packageFolder(from: string): string {
  return existsSync(path.join(from, 'package.json')) ? from : packageFolder(path.dirname(from))
}

export interface ModelRegistryInit {
  /** Told of a manifest that breaks its schema, which is then left out. Without it such a manifest is thrown. */
  onFault?: ((err: ManifestError) => void) | undefined
}

/**
 * Reads the folders: each that holds a `task` module is a task, each other module beside it an architecture with the
 * module's name, each `*.manifest.json` a model. Nothing else needs to be told of a new one.
 */
export async function createModelRegistry({ onFault }: ModelRegistryInit = {}): Promise<ModelRegistry> {
  const tasks = new Map<string, { task: AnyTask; architectures: Map<string, string> }>()
  const manifests: ManifestDocument[] = []
  for (const folder of await subfolders(codeFolder)) {
    const modules = await modulesIn(path.join(codeFolder, folder))
    const taskModule = modules.get('task')
    if (taskModule !== undefined) {
      modules.delete('task')
      const task = await importNamed<AnyTask>(taskModule, 'task')
      tasks.set(task.name, { task, architectures: modules })
      manifests.push(...(await readManifests(path.join(dataFolder, folder), onFault)))
    }
  }
  const find = (name: string): { task: AnyTask; architectures: Map<string, string> } => {
    const found =
      tasks.get(name) ??
      [...tasks.values()].find(({ task }) => task.aliases.includes(name) || task.contract === name)
    if (found === undefined) {
      throw new NotFoundError(`There is no task "${name}": the tasks are ${[...tasks.keys()].join(', ')}`)
    }
    return found
  }
  return {
    tasks: () => [...tasks.values()].map(({ task }) => task),
    task: name => find(name).task,
    architectures: task => [...find(task).architectures.keys()],
    async architecture(task, name) {
      const { architectures } = find(task)
      const file = architectures.get(name)
      if (file === undefined) {
        throw new NotFoundError(
          `Task ${task} has no architecture "${name}": it has ${[...architectures.keys()].join(', ')}`
        )
      }
      return importNamed<AnyArchitecture>(file, 'architecture')
    },
    manifests: () => manifests
  }
}

/** Reads the manifests directly in a folder, sorted by name. Throws ManifestError, or tells `onFault` and goes on. */
async function readManifests(
  folder: string,
  onFault: ModelRegistryInit['onFault']
): Promise<ManifestDocument[]> {
  const names = (await readdir(folder)).filter(name => name.endsWith('.manifest.json')).toSorted()
  return readAllManifests(
    names.map(name => path.join(folder, name)),
    onFault
  )
}

/** Reads manifest files. Throws ManifestError, or tells `onFault` and goes on. */
export async function readAllManifests(
  files: string[],
  onFault?: ModelRegistryInit['onFault']
): Promise<ManifestDocument[]> {
  const documents: ManifestDocument[] = []
  for (const file of files) {
    try {
      documents.push(await readManifest(file))
    } catch (err) {
      if (onFault === undefined || !(err instanceof ManifestError)) {
        throw err
      }
      onFault(err)
    }
  }
  return documents
}

async function subfolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  return entries
    .filter(entry => entry.isDirectory())
    .map(entry => entry.name)
    .toSorted()
}

/** Code files directly in a folder: names without extension to absolute paths. */
async function modulesIn(folder: string): Promise<Map<string, string>> {
  const names = (await readdir(folder)).toSorted()
  return new Map(
    names
      .filter(name => path.extname(name) === codeExtension && !name.endsWith('.d.ts'))
      .map(name => [path.basename(name, codeExtension), path.join(folder, name)])
  )
}

async function importNamed<T extends { name: string }>(file: string, exportName: string): Promise<T> {
  const module: Record<string, T | undefined> = await import(pathToFileURL(file).href)
  const found = module[exportName]
  if (found === undefined) {
    throw new ManifestError(`${file} must export "${exportName}"`)
  }
  return found
}
