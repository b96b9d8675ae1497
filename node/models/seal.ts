import { readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { locateFile, type ManifestDocument, type ModelRegistry, readManifest } from '../../models/index.js'
import { cidOfFile } from '../../src/interface/content-id.js'
import { type Executor, failureName, ManifestError } from '../../src/interface/index.js'
import { comparable, runVector } from './test-vectors.js'

/** A manifest whose hashes and expected outputs may still be missing or wrong. */
const draftSchema = z.looseObject({
  files: z.record(z.string(), z.looseObject({ path: z.string() })).default({}),
  testVectors: z
    .array(
      z.looseObject({
        input: z.string(),
        expected: z.union([z.string(), z.looseObject({ file: z.string() })]).default('')
      })
    )
    .default([])
})
type Draft = z.infer<typeof draftSchema>

/** A draft and the document that it was read from, whose order of fields is kept. */
interface OpenDraft extends Draft {
  json: Record<string, unknown>
}

/**
 * Fills in what a machine knows better: the CID and size of each file, and the files of the test vectors, which travel with the
 * model. Throws ManifestError for a file that is missing.
 */
export async function sealFiles(manifestPath: string): Promise<ManifestDocument> {
  const draft = await readDraft(manifestPath)
  const known = new Set(Object.values(draft.files).map(file => file.path))
  for (const { input, expected } of draft.testVectors) {
    for (const file of typeof expected === 'string' ? [input] : [input, expected.file]) {
      if (!known.has(file)) {
        known.add(file)
        draft.files[file] = { path: file }
      }
    }
  }
  for (const [key, file] of Object.entries(draft.files)) {
    const found = await locateFile({ path: resolve(manifestPath) }, file.path)
    const { size } = await stat(found)
    draft.files[key] = { ...file, cid: await cidOfFile(found), sizeBytes: size }
  }
  await writeDraft(manifestPath, draft)
  return readManifest(manifestPath)
}

/**
 * Runs the test vectors and writes what comes out as what is expected. Throws ManifestError for a model that fails.
 */
export async function sealOutputs(
  document: ManifestDocument,
  registry: ModelRegistry,
  executor: Executor,
  signal: AbortSignal
): Promise<void> {
  const draft = await readDraft(document.path)
  const task = registry.task(document.manifest.task)
  for (const [index, vector] of document.manifest.testVectors.entries()) {
    const outcome = await runVector(document, task, vector, { executor, signal, compare: false })
    if (!outcome.success) {
      throw new ManifestError(
        `Model ${document.manifest.name}, ${vector.input}: ${failureName(outcome.code)}: ${outcome.reason}`
      )
    }
    const entry = draft.testVectors[index]
    if (typeof vector.expected !== 'string') {
      await writeFile(
        join(dirname(document.path), vector.expected.file),
        outcome.content?.bytes ?? new Uint8Array()
      )
    } else if (entry !== undefined) {
      entry.expected = comparable(task, outcome.content)
    }
  }
  await writeDraft(document.path, draft)
}

/** Makes the files of expected outputs that do not exist yet, so that they can be named. */
export async function prepareExpectedFiles(manifestPath: string): Promise<void> {
  const draft = await readDraft(manifestPath)
  for (const { expected } of draft.testVectors) {
    if (typeof expected !== 'string') {
      await writeFile(join(dirname(manifestPath), expected.file), '', { flag: 'a' })
    }
  }
}

async function readDraft(manifestPath: string): Promise<OpenDraft> {
  let json: Record<string, unknown>
  try {
    json = z.record(z.string(), z.unknown()).parse(JSON.parse(await readFile(manifestPath, 'utf8')))
  } catch (err) {
    throw new ManifestError(`The manifest ${manifestPath} is not JSON`, { cause: err })
  }
  const draft = draftSchema.safeParse(json)
  if (!draft.success) {
    throw new ManifestError(`The manifest ${manifestPath}: ${z.prettifyError(draft.error)}`)
  }
  return { ...draft.data, json }
}

async function writeDraft(manifestPath: string, { json, files, testVectors }: OpenDraft): Promise<void> {
  const vectors = testVectors.map(({ expected, ...vector }) => ({ ...vector, expected }))
  await writeFile(manifestPath, `${JSON.stringify({ ...json, files, testVectors: vectors }, null, 2)}\n`)
}
