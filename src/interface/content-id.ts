import { createReadStream } from 'node:fs'
import { importByteStream } from 'ipfs-unixfs-importer'

/** Where the blocks of an import go, leaves in the order of the file. The CID is given as text: it comes from another version of multiformats than ours. */
export type PutBlock = (cid: string, block: Uint8Array) => Promise<void>

/** Of a block of a file. The last one may be smaller. */
export const chunkBytes = 1024 * 1024

/**
 * Cuts content into blocks, as IPFS's profile `unixfs-v1-2025` says: leaves of 1 MiB as they are, 1,024 links to a node,
 * CIDv1, SHA-256. What is not larger than one leaf has the CID of its bytes.
 * @returns the CID of the content
 */
export async function importContent(
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  putBlock: PutBlock
): Promise<string> {
  const { cid } = await importByteStream(
    toAsync(content),
    {
      async put(key, block) {
        for await (const bytes of block instanceof Uint8Array ? [block] : block) {
          await putBlock(key.toString(), bytes)
        }
        return key
      }
    },
    // One after the other: leaves come in the order of the file.
    { profile: 'unixfs-v1-2025', blockWriteConcurrency: 1 }
  )
  return cid.toString()
}

/** The CID of a file: what manifests name. Of one above 1 MiB it is the root of a UnixFS tree, else the bytes' own. */
export function cidOfFile(path: string): Promise<string> {
  return importContent(createReadStream(path, { highWaterMark: chunkBytes }), async () => undefined)
}

/** The CID that the bytes have as a file. */
export function cidOfContent(bytes: Uint8Array): Promise<string> {
  return importContent([bytes], async () => undefined)
}

async function* toAsync(
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
): AsyncGenerator<Uint8Array> {
  yield* content
}
