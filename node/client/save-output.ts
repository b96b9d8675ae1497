import { getBytes } from 'ethers'
import { z } from 'zod'
import type { AnyTask } from '../../models/index.js'
import { ContentInvalidError, OutputFormat } from '../../src/interface/index.js'
import type { ReadContent } from './content-reader.js'
import type { JobView } from './job-queries.js'
import type { OutputFile } from './output-file.js'
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
  file: OutputFile,
  { read, signal }: { read: ReadContent; signal: AbortSignal }
): Promise<SavedOutput> {
  const location = locationOf(shown)
  if (location === undefined) {
    const { bytes } = task.output.toContent(task.output.decode(getBytes(shown.job.result?.output ?? '0x')))
    return { bytes: await file.write(bytes) }
  }
  const bytes = await read(location, { maxBytes: maxOutputBytes, signal })
  if (shown.job.outputFormat !== OutputFormat.NFTMeta) {
    return { bytes: await file.write(bytes) }
  }
  const metadata = parseMetadata(bytes, location)
  const picture = await read(metadata.image, { maxBytes: maxOutputBytes, signal })
  return { bytes: await file.write(picture), metadata }
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

/** How to have the output of a job later that was paid, and could not be saved. */
export function outputHint(shown: ShownJob): string {
  const location = locationOf(shown)
  const job = `Job ${shown.job.id} is paid and done`
  return location?.startsWith('ipfs://')
    ? `${job}, and its output lies at ${location}: npx buffalo-node content get ${location} --out <file>`
    : `${job}. Its output: npx buffalo-node job ${shown.job.id}`
}
