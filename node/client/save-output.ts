import { writeFile } from 'node:fs/promises'
import { getBytes } from 'ethers'
import { z } from 'zod'
import type { AnyTask } from '../../models/index.js'
import { ConfigError, ContentInvalidError, OutputFormat } from '../../src/interface/index.js'
import type { ReadContent } from './content-reader.js'
import type { JobView } from './job-queries.js'
import { locationOf, type ShownJob } from './present.js'

/** ERC-721 metadata, as much as is needed of it. */
export const tokenMetadataSchema = z.looseObject({
  name: z.string(),
  description: z.string(),
  image: z.string().min(1)
})
export type TokenMetadata = z.infer<typeof tokenMetadataSchema>

/** More than a picture of any model here has. */
export const maxOutputBytes = 64 * 1024 * 1024

export interface SavedOutput {
  bytes: number
  /** Of a job that asked for it. */
  metadata?: TokenMetadata
}

/** Writes a job's output into a file: the picture itself where it has metadata. Throws as ReadContent, and ConfigError. */
export async function saveOutput(
  shown: ShownJob & { job: JobView },
  task: AnyTask,
  path: string,
  { read, signal }: { read: ReadContent; signal: AbortSignal }
): Promise<SavedOutput> {
  const location = locationOf(shown)
  if (location === undefined) {
    const { bytes } = task.output.toContent(task.output.decode(getBytes(shown.job.result?.output ?? '0x')))
    return { bytes: await write(path, bytes) }
  }
  const bytes = await read(location, { maxBytes: maxOutputBytes, signal })
  if (shown.job.outputFormat !== OutputFormat.NFTMeta) {
    return { bytes: await write(path, bytes) }
  }
  const metadata = parseMetadata(bytes, location)
  const picture = await read(metadata.image, { maxBytes: maxOutputBytes, signal })
  return { bytes: await write(path, picture), metadata }
}

/** Throws ContentInvalidError. */
export function parseMetadata(bytes: Uint8Array, location: string): TokenMetadata {
  try {
    return tokenMetadataSchema.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)))
  } catch (err) {
    throw new ContentInvalidError(`What lies at ${location.slice(0, 200)} is no ERC-721 metadata`, {
      cause: err
    })
  }
}

async function write(path: string, bytes: Uint8Array): Promise<number> {
  try {
    await writeFile(path, bytes)
    return bytes.length
  } catch (err) {
    throw new ConfigError(`--output (flag): cannot write ${path}: ${String(err)}`, { cause: err })
  }
}
