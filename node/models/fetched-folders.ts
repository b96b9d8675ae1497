import { existsSync } from 'node:fs'
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { addedModelsFolder } from './model-paths.js'

/** Models that were fetched and are kept, those included that broke off. */
export const maxFetched = 16
/** Tells a folder of a fetched model from one that a person added. */
const fetchedMark = '.fetched'
const manifestName = 'model.manifest.json'

/** Where fetched models lie on disk: a folder each, by the CID of its manifest. */
export interface FetchedFolders {
  /** The folder of a model, made and marked where it is not there. */
  open(cid: string): Promise<string>
  path(cid: string): string
  /** Where its manifest goes, last of all: a folder without one is not looked at. */
  manifest(cid: string): string
  /** Whether the fetch of this model was begun here. */
  has(cid: string): boolean
  remove(cid: string): Promise<void>
  /** CIDs of those that are one too many: first what broke off, then what was fetched longest ago. */
  surplus(): Promise<string[]>
  list(): Promise<string[]>
}

export function fetchedFolders(dataDir: string): FetchedFolders {
  const root = addedModelsFolder(dataDir)
  const has = (cid: string): boolean => existsSync(join(root, cid, fetchedMark))

  async function list(): Promise<string[]> {
    await mkdir(root, { recursive: true })
    return (await readdir(root)).filter(has)
  }

  return {
    has,
    list,
    path: cid => join(root, cid),
    manifest: cid => join(root, cid, manifestName),
    async open(cid) {
      const folder = join(root, cid)
      // One that a person added stays as it is, and stays theirs.
      if (!existsSync(join(folder, manifestName))) {
        await mkdir(folder, { recursive: true })
        await writeFile(join(folder, fetchedMark), '')
      }
      return folder
    },
    remove: cid => rm(join(root, cid), { recursive: true, force: true }),
    async surplus() {
      const found = await Promise.all(
        (await list()).map(async cid => ({
          cid,
          isWhole: existsSync(join(root, cid, manifestName)),
          atMs: (await stat(join(root, cid, fetchedMark))).mtimeMs
        }))
      )
      return found
        .sort((a, b) => Number(b.isWhole) - Number(a.isWhole) || b.atMs - a.atMs)
        .slice(maxFetched)
        .map(({ cid }) => cid)
    }
  }
}

/** Whether a file of a fetched model would be taken for something else in its folder. */
export function isReservedName(path: string): boolean {
  return path.endsWith('.manifest.json') || path.split(/[\\/]/u).includes(fetchedMark)
}
