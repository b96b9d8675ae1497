import { cp, mkdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { locateFile, type ManifestDocument } from '../../models/index.js'
import { addedModelsFolder } from './model-paths.js'

/**
 * Copies a model and its files into a data directory, whose workers offer it from their next start on. What is there under its
 * CID already is replaced by the same. Files of npm packages stay where they are.
 * @returns the folder
 */
export async function addModel(document: ManifestDocument, dataDir: string): Promise<string> {
  const folder = join(addedModelsFolder(dataDir), document.cid)
  const building = `${folder}.new`
  await rm(building, { recursive: true, force: true })
  await mkdir(building, { recursive: true })
  await cp(document.path, join(building, basename(document.path)))
  for (const file of filesOf(document)) {
    const target = join(building, file)
    await mkdir(dirname(target), { recursive: true })
    await cp(await locateFile(document, file), target)
  }
  await rm(folder, { recursive: true, force: true })
  // Whole or not at all, as others may be reading the folder.
  await rename(building, folder)
  return folder
}

function filesOf({ manifest }: ManifestDocument): Set<string> {
  const vectors = manifest.testVectors.flatMap(({ input, expected }) =>
    typeof expected === 'string' ? [input] : [input, expected.file]
  )
  const files = [...Object.values(manifest.files).map(file => file.path), ...vectors]
  return new Set(files.filter(file => !file.startsWith('npm:')))
}
