import path from 'node:path'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'
import { z } from 'zod'
import type { Manifest } from '../src/interface/index.js'

const name = z.string().min(1).max(100)
const relativePath = z
  .string()
  .min(1)
  .max(400)
  .refine(
    value => !path.isAbsolute(value) && !value.split(/[\\/]/u).includes('..'),
    'must not leave its folder'
  )
  .describe('Relative to the manifest, or npm:<package>/<path>')

const fileSchema = z.strictObject({
  path: relativePath,
  cid: z
    .string()
    .refine(value => parseFileCid(value) !== undefined, 'must be a CIDv1, raw or UnixFS, SHA-256')
    .describe(
      'CIDv1 with SHA-256: of the raw bytes up to 1 MiB, of the UnixFS tree beyond it. `buffalo-node models check --write` fills it in'
    ),
  sizeBytes: z.int().min(0)
})

const hex = z.templateLiteral(['0x', z.string().regex(/^([0-9a-f]{2})*$/u)])

const testVectorSchema = z.strictObject({
  input: relativePath.describe('File with the input, as the task takes it from a file'),
  seed: hex,
  reads: z
    .array(hex)
    .max(16)
    .optional()
    .describe('What the contracts answer that the task reads, ABI-encoded'),
  expected: z.union([
    z.string().describe('The very text, or the CID (raw, SHA-256) of the output as a file'),
    z
      .strictObject({
        file: relativePath,
        tolerance: z
          .number()
          .min(0)
          .describe(
            'Pictures: mean difference of the channels, of 255. Numbers: difference, relative above 1. Texts must be equal'
          )
      })
      .describe('For results that differ a little between processors')
  ])
})

const manifestSchema = z.strictObject({
  $schema: z.string().max(400).optional().describe('For editors'),
  name,
  task: name.describe('Of the repository, by name or alias'),
  architecture: name.describe("A file of the task's folder"),
  licence: name.describe('SPDX identifier of the weights'),
  description: z.string().max(2_000),
  runtime: z.strictObject({
    kind: z
      .enum(['native', 'canonical'])
      .describe('native: fast. canonical: WebAssembly, the same bits on every machine'),
    threads: z.int().min(1).max(64),
    optimisation: z.enum(['disabled', 'basic', 'extended', 'all'])
  }),
  files: z
    .record(name, fileSchema)
    .describe('All that travels with the model, by the names that its architecture gives'),
  settings: z.record(z.string(), z.unknown()).describe("The architecture's own"),
  testVectors: z
    .array(testVectorSchema)
    .max(20)
    .describe('What a worker runs before it offers the model; a model without any is not offered')
})

/** What is wrong with a document, in words; or the manifest. */
export function checkManifest(json: unknown): { manifest: Manifest } | { fault: string } {
  const parsed = manifestSchema.safeParse(json)
  return parsed.success ? { manifest: parsed.data } : { fault: z.prettifyError(parsed.error) }
}

/** models/manifest.schema.json: the schema for people, editors and other programs. */
export function manifestJsonSchema(): object {
  return {
    title: 'Buffalo model manifest',
    ...z.toJSONSchema(manifestSchema, { io: 'input' })
  }
}

/** Of a UnixFS tree, as files above one block are: `cidOfFile`. */
export const dagPbCode = 0x70

/** The CID of a manifest's file; undefined for what can be none. */
export function parseFileCid(text: string): CID | undefined {
  const cid = parseCid(text)
  // A CIDv0, which begins with Qm, names trees of other leaves than cidOfFile makes.
  const isFile = cid?.code === raw.code || (cid?.code === dagPbCode && !text.startsWith('Qm'))
  const isSha256 = cid?.multihash.code === sha256.code && cid.multihash.digest.length === 32
  return isFile && isSha256 ? cid : undefined
}

export function parseCid(text: string): CID | undefined {
  try {
    return CID.parse(text).toV1()
  } catch {
    // Whatever CID.parse throws says the same: it is none.
    return undefined
  }
}
