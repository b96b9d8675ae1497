import { lstat, mkdir, open, readdir, rm, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { MemoryBlockstore } from 'blockstore-core'
import { FsBlockstore } from 'blockstore-fs'
import { NextToLast } from 'blockstore-fs/sharding'
import { type Clock, ContentInvalidError, ContentUnavailableError, type Logger } from '../interface/index.js'
import { blockKey, keyOfBytes, parseCid, rawCidOfKey } from './cid.js'
import { contentLimits } from './limits.js'

export interface BlockStoreInit {
  /** A folder of its own. Without it the blocks are in memory. */
  path?: string | undefined
  /** Of all blocks, those in other files left out. */
  quotaBytes: number
}

export interface BlockStoreComponents {
  clock: Clock
  logger: Logger
}

/** A part of a file elsewhere that is a block. */
export interface FilePart {
  path: string
  offset: number
  sizeBytes: number
}

/** Blocks by their hash: each is checked when it comes in and when it goes out. All keys are `blockKey`s. */
export interface BlockStore {
  has(key: string): boolean
  sizeOf(key: string): number | undefined
  /** Undefined if there is none, or it is damaged; then it is forgotten. */
  get(key: string): Promise<Uint8Array | undefined>
  /**
   * Throws ContentInvalidError if the bytes are not the block's, ContentUnavailableError if what is held leaves no room.
   * Blocks that nobody holds make room, those used longest ago first.
   */
  put(key: string, block: Uint8Array): Promise<void>
  /** Serves a block from where it lies. It counts against no quota, and a copy of it here is dropped. */
  refer(key: string, part: FilePart): Promise<void>
  /** Serves no block from these files any more. */
  unrefer(isMeant: (path: string) => boolean): void
  /** Holds a block, here or to come: it is not evicted. To be released as often. */
  hold(key: string): void
  release(key: string): void
  usage(): { blocks: number; bytes: number; heldBytes: number }
}

interface Entry {
  sizeBytes: number
  /** When its file was last marked as used. */
  markedMs: number
}

/** How old the mark of a file may be while its block is in use: after a restart, the order of use is right to the minute. */
const markEveryMs = 60_000

/** Opens the store, and reads what is there. */
export async function createBlockStore(
  { path, quotaBytes }: BlockStoreInit,
  { clock, logger }: BlockStoreComponents
): Promise<BlockStore> {
  const files = path === undefined ? new MemoryBlockstore() : new FsBlockstore(path)
  /** In order of use. */
  const index = new Map<string, Entry>()
  const parts = new Map<string, FilePart>()
  const holds = new Map<string, number>()
  const writing = new Map<string, Promise<void>>()
  /** Resolves when all writes so far have ended, well or not. */
  let lastWrite: Promise<void> = Promise.resolve()
  let bytes = 0

  function forget(key: string): void {
    const entry = index.get(key)
    if (entry === undefined) return
    index.delete(key)
    bytes -= entry.sizeBytes
  }

  function remember(key: string, entry: Entry): void {
    forget(key)
    index.set(key, entry)
    bytes += entry.sizeBytes
  }

  /** Used now: the last to be evicted. */
  function touch(key: string, entry: Entry): void {
    index.delete(key)
    index.set(key, entry)
    if (path === undefined || clock.now() - entry.markedMs < markEveryMs) return
    entry.markedMs = clock.now()
    const now = new Date(entry.markedMs)
    utimes(filePath(path, key), now, now).catch(err =>
      logger.debug({ err, key }, 'a block could not be marked as used')
    )
  }

  /** Once the new block is counted. Blocks that are held, and the new one, stay. */
  async function makeRoom(newKey: string): Promise<void> {
    const isOver = (): boolean => bytes > quotaBytes || index.size > contentLimits.storedBlocks
    for (const key of index.keys()) {
      if (!isOver()) return
      if (key === newKey || holds.has(key)) continue
      forget(key)
      await files.delete(rawCidOfKey(key))
    }
    if (isOver()) {
      throw new ContentUnavailableError(
        `What is pinned leaves no room for more content in ${quotaBytes} bytes: raise --content-mb`
      )
    }
  }

  async function write(key: string, block: Uint8Array): Promise<void> {
    remember(key, { sizeBytes: block.length, markedMs: clock.now() })
    try {
      await makeRoom(key)
      await files.put(rawCidOfKey(key), block)
    } catch (err) {
      forget(key)
      if (err instanceof ContentUnavailableError) throw err
      throw new ContentUnavailableError(`A block could not be written: ${String(err)}`, { cause: err })
    }
  }

  async function read(key: string): Promise<Uint8Array> {
    const part = parts.get(key)
    if (part !== undefined) return readPart(part)
    const chunks: Uint8Array[] = []
    for await (const chunk of files.get(rawCidOfKey(key))) chunks.push(chunk)
    return Buffer.concat(chunks)
  }

  if (path !== undefined) {
    for (const { key, ...entry } of await storedBlocks(path)) remember(key, entry)
  }

  return {
    has: key => index.has(key) || parts.has(key),
    sizeOf: key => (index.get(key) ?? parts.get(key))?.sizeBytes,

    async get(key) {
      await writing.get(key)?.catch(() => undefined)
      const entry = index.get(key)
      if (entry === undefined && !parts.has(key)) return undefined
      try {
        const block = await read(key)
        if (keyOfBytes(block) !== key) throw new ContentInvalidError('it is damaged')
        if (entry !== undefined && index.has(key)) touch(key, entry)
        return block
      } catch (err) {
        logger.warn({ err, key }, 'a block could not be read back, and is forgotten')
        forget(key)
        parts.delete(key)
        return undefined
      }
    },

    async put(key, block) {
      if (keyOfBytes(block) !== key) {
        throw new ContentInvalidError(`A block is not what its CID ${rawCidOfKey(key)} says`)
      }
      const earlier = writing.get(key)
      if (earlier !== undefined) {
        await earlier
        return
      }
      if (index.has(key) || parts.has(key)) return
      // One after the other: each makes the room that it takes.
      const written = lastWrite.then(() => write(key, block))
      lastWrite = written.catch(() => undefined)
      writing.set(key, written)
      try {
        await written
      } finally {
        writing.delete(key)
      }
    },

    async refer(key, part) {
      parts.set(key, part)
      if (index.has(key)) {
        forget(key)
        await files.delete(rawCidOfKey(key))
      }
    },

    unrefer(isMeant) {
      for (const [key, part] of parts) if (isMeant(part.path)) parts.delete(key)
    },

    hold: key => void holds.set(key, (holds.get(key) ?? 0) + 1),
    release(key) {
      const count = (holds.get(key) ?? 0) - 1
      if (count > 0) holds.set(key, count)
      else holds.delete(key)
    },

    usage() {
      let heldBytes = 0
      for (const key of holds.keys()) heldBytes += index.get(key)?.sizeBytes ?? 0
      return { blocks: index.size, bytes, heldBytes }
    }
  }
}

const sharding = new NextToLast()

function filePath(root: string, key: string): string {
  const { dir, file } = sharding.encode(rawCidOfKey(key))
  return join(root, dir, file)
}

/** What is on disk, the one used longest ago first. What a crash left half-written is removed. */
async function storedBlocks(root: string): Promise<(Entry & { key: string })[]> {
  await mkdir(root, { recursive: true })
  const found: (Entry & { key: string })[] = []
  for (const item of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!item.isFile()) continue
    const file = join(item.parentPath, item.name)
    const key = keyOfFile(file)
    if (key === undefined) {
      await rm(file, { force: true })
      continue
    }
    const { size, mtimeMs } = await lstat(file)
    found.push({ key, sizeBytes: size, markedMs: mtimeMs })
  }
  return found.sort((a, b) => a.markedMs - b.markedMs)
}

function keyOfFile(file: string): string | undefined {
  if (!file.endsWith(sharding.extension)) return undefined
  try {
    return blockKey(parseCid(sharding.decode(file).toString()))
  } catch {
    // Whatever it says of the name: it is none of ours.
    return undefined
  }
}

async function readPart({ path, offset, sizeBytes }: FilePart): Promise<Uint8Array> {
  const file = await open(path)
  try {
    const block = Buffer.alloc(sizeBytes)
    const { bytesRead } = await file.read(block, 0, sizeBytes, offset)
    return block.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
