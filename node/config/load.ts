import { resolve } from 'node:path'
import { ConfigError } from '../../src/interface/index.js'
import { readJsonObject, unknownKeys } from './json-file.js'
import { defaultNetworkFile, type NetworkFile, readNetworkFile } from './network-file.js'
import { flagName, type SettingName, type Settings, settings, variableName } from './settings.js'
import { suggest } from './suggest.js'

export interface ConfigSources {
  /** As commander parsed them; also `config`, the path of the configuration file. */
  flags: Record<string, unknown>
  /** The `BUFFALO_*` variables. */
  environment: Record<string, string>
}

export interface LoadedSettings {
  settings: Settings
  /** Absolute path of the network file, whether or not it exists. */
  networkFile: string
}

const names = Object.keys(settings) as SettingName[]

/**
 * Merges flags over environment over configuration file.
 * Throws ConfigError, which names each bad field and where its value came from.
 */
export function loadSettings(sources: ConfigSources): LoadedSettings {
  const { flags, environment } = sources
  const problems: string[] = []
  const configPath = stringOf(flags.config) ?? environment.BUFFALO_CONFIG
  const file = configPath === undefined ? {} : readJsonObject(configPath, 'configuration file')
  if (file === undefined) {
    throw new ConfigError(`There is no configuration file ${configPath}`)
  }
  problems.push(...unknownKeys(file, names, `configuration file ${configPath}`))
  problems.push(...unknownVariables(environment))

  const values: Record<string, unknown> = {}
  for (const name of names) {
    const found = firstOf(
      [flags[name], `${flagName(name)} (flag)`],
      [environment[variableName(name)], `${variableName(name)} (environment)`],
      [file[name], `${name} (configuration file ${configPath})`]
    )
    if (found === undefined) {
      continue
    }
    const [raw, source] = found
    const setting = settings[name]
    const checked = setting.field.schema.safeParse(raw)
    if (checked.success) {
      values[name] = checked.data
    } else {
      const got = 'secret' in setting && setting.secret === true ? 'something else' : JSON.stringify(raw)
      problems.push(`${source}: must be ${setting.field.must}, got ${got}`)
    }
  }
  if (problems.length > 0) {
    throw new ConfigError(problems.join('; '))
  }
  const merged = values as Settings
  return { settings: merged, networkFile: resolve(merged.networkFile ?? defaultNetworkFile) }
}

/** What the network file says; undefined where none is named and none lies at the usual place. Throws ConfigError. */
export function loadNetwork({
  settings: { networkFile: named },
  networkFile
}: LoadedSettings): NetworkFile | undefined {
  const network = readNetworkFile(networkFile)
  if (network === undefined && named !== undefined) {
    throw new ConfigError(
      `There is no network file ${networkFile}: start \`npx buffalo-node devnet\`, or name another`
    )
  }
  return network
}

function firstOf(...candidates: [unknown, string][]): [unknown, string] | undefined {
  return candidates.find(([value]) => value !== undefined)
}

function unknownVariables(environment: Record<string, string>): string[] {
  const known = [...names, 'config'].map(variableName)
  return Object.keys(environment)
    .filter(name => !known.includes(name))
    .map(name => `${name} (environment): is not a setting${suggest(name, known)}`)
}

function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
