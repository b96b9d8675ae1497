import { mkdir, readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { dataFolder } from '../../models/index.js'
import { ConfigError } from '../../src/interface/index.js'

const suffix = '.manifest.json'

/** The folder of a data directory that holds the models that were added. */
export function addedModelsFolder(dataDir: string): string {
  return join(dataDir, 'models')
}

/** What a worker offers that was not told otherwise: the package's models, and those added to its data directory. */
export async function offeredModels(dataDir: string): Promise<string[]> {
  const added = addedModelsFolder(dataDir)
  await mkdir(added, { recursive: true })
  return [dataFolder, added]
}

/**
 * Manifest files at a path: the file itself, or those of a folder and of the folders right below it, sorted.
 * Throws ConfigError for a path that does not exist.
 */
export async function findManifests(path: string): Promise<string[]> {
  const absolute = resolve(path)
  try {
    if (!(await stat(absolute)).isDirectory()) {
      return [absolute]
    }
    const entries = await readdir(absolute, { withFileTypes: true })
    const below = await Promise.all(
      entries
        .filter(entry => entry.isDirectory())
        .map(async ({ name }) =>
          (await readdir(join(absolute, name))).map(file => join(absolute, name, file))
        )
    )
    const here = entries.filter(entry => !entry.isDirectory()).map(({ name }) => join(absolute, name))
    return [...here, ...below.flat()].filter(file => file.endsWith(suffix)).toSorted()
  } catch (err) {
    throw new ConfigError(`The manifest ${absolute} cannot be read: name a file or a folder`, { cause: err })
  }
}

/** The one manifest at a path. Throws ConfigError where there is none, or more than one. */
export async function findOneManifest(path: string): Promise<string> {
  const found = await findManifests(path)
  const [first] = found
  if (first === undefined || found.length > 1) {
    throw new ConfigError(
      first === undefined
        ? `There is no *${suffix} in ${resolve(path)}: name the folder of a model, or its manifest`
        : `There are ${found.length} manifests in ${resolve(path)}: name one of them`
    )
  }
  return first
}
