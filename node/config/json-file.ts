import { readFileSync } from 'node:fs'
import { ConfigError } from '../../src/interface/index.js'
import { suggest } from './suggest.js'

/** Reads a file that holds one JSON object; undefined where there is no such file. Throws ConfigError. */
export function readJsonObject(path: string, what: string): Record<string, unknown> | undefined {
  let content: string
  try {
    content = readFileSync(path, 'utf8')
  } catch (err) {
    if (err instanceof Error && 'code' in err && err.code === 'ENOENT') {
      return undefined
    }
    throw new ConfigError(`Cannot read the ${what} ${path}: ${String(err)}`, { cause: err })
  }
  let value: unknown
  try {
    value = JSON.parse(content)
  } catch (err) {
    throw new ConfigError(
      `The ${what} ${path} is not JSON: ${err instanceof Error ? err.message : String(err)}`,
      {
        cause: err
      }
    )
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ConfigError(`The ${what} ${path} must hold one JSON object`)
  }
  return value as Record<string, unknown>
}

/** One line for each key that nothing reads. */
export function unknownKeys(value: object, known: string[], source: string): string[] {
  return Object.keys(value)
    .filter(key => !known.includes(key))
    .map(key => `${key} (${source}): is not a setting${suggest(key, known)}`)
}
