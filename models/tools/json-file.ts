import { readFile, stat } from 'node:fs/promises'
import { type ZodType, z } from 'zod'
import { type Manifest, ManifestError, type ModelFiles } from '../../src/interface/index.js'

/** The largest tokenizer.json in use, Gemma's with 262,144 tokens, has 33 MB. */
const maxJsonBytes = 64 * 1024 * 1024

/** Reads and checks a JSON file of a model. `key`: its name in the manifest. Throws ManifestError. */
export async function readModelJson<T>(
  { name }: Manifest,
  files: ModelFiles,
  key: string,
  schema: ZodType<T>
): Promise<T> {
  const file = files.path(key)
  const { size } = await stat(file)
  if (size > maxJsonBytes) {
    throw new ManifestError(
      `Model ${name}: the file "${key}" has ${size} bytes: at most ${maxJsonBytes} are taken`
    )
  }
  let json: unknown
  try {
    json = JSON.parse(await readFile(file, 'utf8'))
  } catch (err) {
    throw new ManifestError(`Model ${name}: the file "${key}" is not JSON`, { cause: err })
  }
  return checkedPart(name, `the file "${key}"`, schema, json)
}

/** The same for a file that a model need not have: undefined where the manifest does not name it. */
export async function readOptionalModelJson<T>(
  manifest: Manifest,
  files: ModelFiles,
  key: string,
  schema: ZodType<T>
): Promise<T | undefined> {
  return Object.hasOwn(manifest.files, key) ? readModelJson(manifest, files, key, schema) : undefined
}

/** The manifest's settings. Throws ManifestError where they are not of the schema. */
export function readSettings<T>({ name, settings }: Manifest, schema: ZodType<T>): T {
  return checkedPart(name, 'settings', schema, settings)
}

function checkedPart<T>(name: string, what: string, schema: ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value)
  if (!parsed.success) {
    throw new ManifestError(`Model ${name}: ${what}: ${z.prettifyError(parsed.error)}`)
  }
  return parsed.data
}
