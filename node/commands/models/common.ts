import { dataFolder, type ManifestDocument } from '../../../models/index.js'
import { NotFoundError } from '../../../src/interface/index.js'
import type { SettingName, Settings } from '../../config/settings.js'
import { type KnownModels, knownModels } from '../../model-catalog.js'
import { offeredModels } from '../../models/model-paths.js'

/** Settings of the commands that run a model. */
export const executionSettings: SettingName[] = [
  'executionTimeoutMs',
  'executionMemoryMb',
  'logLevel',
  'logFormat'
]

/** Settings of the commands that look for models. */
export const lookupSettings: SettingName[] = ['dataDir', 'models']

export function executionLimits({ executionTimeoutMs, executionMemoryMb }: Settings): {
  timeoutMs: number
  memoryMb: number
} {
  return { timeoutMs: executionTimeoutMs ?? 60_000, memoryMb: executionMemoryMb ?? 2_048 }
}

/** Where models are looked for: `--models`, or those of the package and those added to the data directory. */
async function modelFolders({ models, dataDir }: Settings): Promise<string[]> {
  if (models !== undefined) {
    return models
  }
  return dataDir === undefined ? [dataFolder] : offeredModels(dataDir)
}

export async function findModels(
  settings: Settings,
  say: (line: string) => void
): Promise<KnownModels & { folders: string[] }> {
  const folders = await modelFolders(settings)
  const known = await knownModels(folders, err => say(`left out: ${err.message}`))
  return { ...known, folders }
}

/** By name or CID. Throws NotFoundError. */
export function findModel({ documents }: KnownModels, nameOrCid: string): ManifestDocument {
  const all = [...documents.values()]
  const found = documents.get(nameOrCid) ?? all.find(({ manifest }) => manifest.name === nameOrCid)
  if (found === undefined) {
    const names = all.map(({ manifest }) => manifest.name).join(', ')
    throw new NotFoundError(`There is no model ${JSON.stringify(nameOrCid)}: there are ${names}`)
  }
  return found
}
