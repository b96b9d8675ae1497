import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { type Clock, ContentUnavailableError, type Logger } from '../interface/index.js'
import type { BlockStore } from './block-store.js'
import { contentLimits } from './limits.js'

export interface PinsInit {
  /** A folder of its own. Without it, pins last as long as the process. */
  path?: string | undefined
  /** What others may have pinned here, in all. */
  bytesOfOthers: number
}

export interface PinsComponents {
  blocks: Pick<BlockStore, 'hold' | 'release'>
  /** Keys of all blocks of a content that are here, and its size. */
  walk(cid: string): Promise<{ keys: string[]; sizeBytes: number }>
  clock: Clock
  logger: Logger
}

/** Content that is kept until it is unpinned, or its time is over. */
export interface Pins {
  /** CIDs of all that is pinned. */
  list(): string[]
  /** For this node itself: for good. The content must be here. */
  pin(cid: string): Promise<void>
  /** Whether `owner` may have this many bytes more. Throws ContentUnavailableError with the reason. */
  checkShare(owner: string, sizeBytes: number): void
  /** For another, for a time. The content must be here. Throws ContentUnavailableError if it is too much. */
  pinFor(owner: string, cid: string): Promise<void>
  has(cid: string): boolean
  /** Does nothing for what is not pinned. */
  unpin(cid: string): Promise<void>
  /** Ends the pins whose time is over. */
  prune(): Promise<void>
}

const recordSchema = z.strictObject({
  /** A peer id; undefined for the node's own. */
  owner: z.string().max(128).optional(),
  sizeBytes: z.int().min(0),
  expiresAtMs: z.int().optional()
})

type Pin = z.infer<typeof recordSchema> & { keys: string[] }

/** Opens the pins, and holds the blocks of each. */
export async function createPins(init: PinsInit, components: PinsComponents): Promise<Pins> {
  const { blocks, walk, clock, logger } = components
  const pins = new Map<string, Pin>()

  function hold(cid: string, pin: Pin): void {
    for (const key of pin.keys) blocks.hold(key)
    pins.set(cid, pin)
  }

  async function add(cid: string, record: Omit<Pin, 'keys' | 'sizeBytes'>): Promise<void> {
    const { keys, sizeBytes } = await walk(cid)
    if (record.owner !== undefined) checkShare(record.owner, sizeBytes)
    const earlier = pins.get(cid)
    // One's own pin is never turned into another's.
    if (earlier !== undefined && (earlier.owner === undefined || record.owner !== undefined)) return
    if (earlier !== undefined) await unpin(cid)
    hold(cid, { ...record, sizeBytes, keys })
    if (init.path !== undefined) await writeRecord(init.path, cid, { ...record, sizeBytes })
  }

  function checkShare(owner: string, sizeBytes: number): void {
    let count = 0
    let ofOwner = sizeBytes
    let ofOthers = sizeBytes
    for (const pin of pins.values()) {
      if (pin.owner === undefined) continue
      ofOthers += pin.sizeBytes
      if (pin.owner !== owner) continue
      ofOwner += pin.sizeBytes
      count++
    }
    const { pinsOfPeer, pinBytesOfPeer } = contentLimits
    if (count >= pinsOfPeer || ofOwner > pinBytesOfPeer || ofOthers > init.bytesOfOthers) {
      throw new ContentUnavailableError('No more is kept here for others: ask another node')
    }
  }

  async function unpin(cid: string): Promise<void> {
    const pin = pins.get(cid)
    if (pin === undefined) return
    pins.delete(cid)
    for (const key of pin.keys) blocks.release(key)
    if (init.path !== undefined) await rm(join(init.path, cid), { force: true })
  }

  if (init.path !== undefined) {
    for (const [cid, record] of await readRecords(init.path, logger)) {
      hold(cid, { ...record, keys: (await walk(cid)).keys })
    }
  }

  return {
    list: () => [...pins.keys()],
    has: cid => pins.has(cid),
    pin: cid => add(cid, {}),
    checkShare,
    pinFor: (owner, cid) => add(cid, { owner, expiresAtMs: clock.now() + contentLimits.pinAgeMs }),
    unpin,
    async prune() {
      for (const [cid, { expiresAtMs }] of pins) {
        if (expiresAtMs !== undefined && expiresAtMs <= clock.now()) await unpin(cid)
      }
    }
  }
}

async function writeRecord(folder: string, cid: string, record: z.infer<typeof recordSchema>): Promise<void> {
  const draft = join(folder, `${cid}.tmp`)
  await writeFile(draft, JSON.stringify(record))
  await rename(draft, join(folder, cid))
}

async function readRecords(
  folder: string,
  logger: Logger
): Promise<[string, z.infer<typeof recordSchema>][]> {
  await mkdir(folder, { recursive: true })
  const records: [string, z.infer<typeof recordSchema>][] = []
  for (const cid of await readdir(folder)) {
    try {
      records.push([cid, recordSchema.parse(JSON.parse(await readFile(join(folder, cid), 'utf8')))])
    } catch (err) {
      logger.warn({ err, cid }, 'a pin could not be read; what it held may be evicted')
      await rm(join(folder, cid), { force: true })
    }
  }
  return records
}
