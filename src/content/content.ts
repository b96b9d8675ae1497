import { createReadStream, existsSync, realpathSync } from 'node:fs'
import { mkdir, open, realpath, rename, rm } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import type { Libp2p } from '@libp2p/interface'
import { exporter } from 'ipfs-unixfs-exporter'
import { abortable } from '../interface/abort.js'
import { chunkBytes, importContent } from '../interface/content-id.js'
import {
  BuffaloError,
  type Clock,
  ContentInvalidError,
  ContentUnavailableError,
  type Logger,
  type Startable,
  type Timer
} from '../interface/index.js'
import { createBlockStore } from './block-store.js'
import { blockKey, dagPbCode, parseCid } from './cid.js'
import { type BlockSource, type DownloadProgress, download } from './download.js'
import { gatewaySource } from './gateways.js'
import { contentLimits } from './limits.js'
import { type PeerBlocksInit, peerBlocks } from './peer-blocks.js'
import { createPins } from './pins.js'
import { type LookupHost, systemLookup } from './public-address.js'
import { providerRouting } from './routing.js'
import { readTreeNode } from './tree.js'

export interface ContentInit extends PeerBlocksInit {
  /** A folder of its own. Without it, everything is in memory. */
  path?: string | undefined
  /** Of all blocks. Default 10 GiB: the models of a worker, and a year of pictures. */
  quotaBytes?: number | undefined
  /** Gateways of IPFS, asked where no peer sends a block: `https://…`. Default: none. */
  gateways?: string[] | undefined
  /** Also takes `http:` gateways on this very machine: for tests and the local network only. Default false. */
  allowHttpLoopback?: boolean | undefined
  /** Default: the system's resolver. */
  lookupHost?: LookupHost | undefined
}

export interface ContentComponents {
  libp2p: Libp2p
  clock: Clock
  logger: Logger
}

export interface FetchOptions {
  /** Of the file. */
  maxBytes: number
  signal: AbortSignal
  onProgress?: ((progress: DownloadProgress) => void) | undefined
  /** Asks these peers and nobody else. */
  from?: string[] | undefined
}

/** Content by CID: here, at peers and at gateways. All that is read has been checked against its CID. */
export interface Content extends Startable {
  /** Cuts content into blocks and keeps them. `pin`: for good, and tells others. Throws ContentUnavailableError. */
  add(content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, options?: { pin?: boolean }): Promise<string>
  /** Serves a file from where it lies, for as long as it does not change, and tells others. */
  share(path: string): Promise<string>
  /** Serves a file, or all files of a folder, no more from where they lie. Does nothing for what is not shared. */
  unshare(path: string): void
  /**
   * Brings content here. Throws ContentUnavailableError if nobody sends it, ContentInvalidError for what is no file or too
   * large; rejects with the signal's reason.
   */
  fetch(cid: string, options: FetchOptions): Promise<void>
  /** The bytes of content, fetched if it is not here. Throws as `fetch`. */
  read(cid: string, options: FetchOptions): Promise<Uint8Array>
  /** Fetches content into a file, and serves it from there. Throws as `fetch`. */
  save(cid: string, path: string, options: FetchOptions): Promise<void>
  /** Keeps what is here for good, and tells others. */
  pin(cid: string): Promise<void>
  /** Keeps what is here for another, for a time, and tells others. Throws ContentUnavailableError if that is too much. */
  pinFor(owner: string, cid: string): Promise<void>
  /** Throws ContentUnavailableError if `owner` may not have this many bytes more kept. */
  checkShare(owner: string, sizeBytes: number): void
  unpin(cid: string): Promise<void>
  isPinned(cid: string): boolean
  usage(): { blocks: number; bytes: number; heldBytes: number; pins: number }
}

/** Opens the content of a node. It serves and fetches once it is started. */
export async function createContent(init: ContentInit, components: ContentComponents): Promise<Content> {
  const { libp2p, clock, logger } = components
  const { quotaBytes = 10 * 2 ** 30, path } = init
  const blocks = await createBlockStore({ path: path && join(path, 'blocks'), quotaBytes }, { clock, logger })
  const peers = peerBlocks(init)({ libp2p, blocks, clock, logger })
  const routing = providerRouting({ libp2p, clock, logger })
  const pins = await createPins(
    { path: path && join(path, 'pins'), bytesOfOthers: quotaBytes * contentLimits.pinShareOfOthers },
    { blocks, walk, clock, logger }
  )
  const gateways = (init.gateways ?? []).map(url =>
    gatewaySource(url, {
      allowHttpLoopback: init.allowHttpLoopback ?? false,
      lookupHost: init.lookupHost ?? systemLookup,
      ca: undefined
    })
  )
  /** Nodes of shared files, held while they are shared: by path. */
  const shared = new Map<string, Set<string>>()

  /** All that is here of a content. */
  async function walk(root: string): Promise<{ keys: string[]; sizeBytes: number }> {
    const keys = new Set<string>()
    let total = 0
    const visit = async (cid: string, depth: number): Promise<void> => {
      const parsed = parseCid(cid)
      const key = blockKey(parsed)
      if (keys.has(key) || depth > contentLimits.treeDepth) return
      keys.add(key)
      total += blocks.sizeOf(key) ?? 0
      const node = parsed.code === dagPbCode ? await blocks.get(key) : undefined
      if (node === undefined) return
      for (const link of readTreeNode(cid, node).links) await visit(link, depth + 1)
    }
    await visit(root, 0)
    return { keys: [...keys], sizeBytes: total }
  }

  function sourceOf(peer: string): BlockSource {
    const gone = new AbortController()
    const stop = peers.onGone(name => {
      if (name !== peer) return
      stop()
      gone.abort(new Error('The peer has gone'))
    })
    return { name: peer, get: (cid, signal) => peers.get(peer, cid, signal), gone: gone.signal }
  }

  /** Waits a little for a peer: of a new connection it is told only later what the other side speaks. */
  async function firstPeer(isAllowed: (peer: string) => boolean, signal: AbortSignal): Promise<void> {
    const found = Promise.withResolvers<void>()
    const stop = peers.onPeer(peer => {
      if (isAllowed(peer)) found.resolve()
    })
    const timer = clock.schedule(contentLimits.firstPeerMs, found.resolve)
    try {
      await abortable(found.promise, signal)
    } finally {
      timer.cancel()
      stop()
    }
  }

  async function fetch(cid: string, options: FetchOptions): Promise<void> {
    const { maxBytes, signal, onProgress, from } = options
    parseCid(cid)
    const sources = new Map<string, BlockSource>()
    const known = (peer: string): BlockSource => {
      const found = sources.get(peer)
      if (found !== undefined && !found.gone?.aborted) return found
      const made = sourceOf(peer)
      sources.set(peer, made)
      return made
    }
    let searches = 0
    let stopListening: (() => void) | undefined
    try {
      await download(
        {
          cid,
          maxBytes,
          signal,
          onProgress,
          async search(add, ending) {
            const isAllowed = (peer: string): boolean => from === undefined || from.includes(peer)
            const addPeer = (peer: string): void => {
              if (isAllowed(peer)) add(known(peer))
            }
            // Whoever comes while the download lasts may have it.
            stopListening ??= peers.onPeer(addPeer)
            for (const peer of peers.peers()) addPeer(peer)
            const mayCome = from !== undefined || libp2p.getPeers().length > 0
            if (mayCome && !peers.peers().some(isAllowed)) await firstPeer(isAllowed, ending)
            if (from === undefined) await routing.connectProviders(cid, addPeer, ending)
            // Peers first: gateways are others' machines, and may be slow to answer.
            if (from === undefined && (searches++ > 0 || peers.peers().length === 0)) gateways.forEach(add)
          }
        },
        { blocks, clock, logger }
      )
    } finally {
      stopListening?.()
    }
  }

  /** The bytes of what is here. */
  async function* contentOf(cid: string, maxBytes: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const store = {
      async *get(key: { multihash: { digest: Uint8Array } }): AsyncGenerator<Uint8Array> {
        const block = await blocks.get(blockKey(key))
        if (block === undefined) throw new ContentUnavailableError(`A block of ${cid} is not here any more`)
        yield block
      }
    }
    try {
      const entry = await exporter(parseCid(cid).toString(), store, { signal })
      if (entry.type !== 'file' && entry.type !== 'raw') {
        throw new ContentInvalidError(`The CID ${cid} is a ${entry.type}, not a file`)
      }
      let sizeBytes = 0
      // Four blocks of 1 MiB ahead: as many as the disk reads while one is written.
      for await (const chunk of entry.content({ signal, blockReadConcurrency: 4 })) {
        sizeBytes += chunk.length
        // A tree may name a block many times over.
        if (sizeBytes > maxBytes) {
          throw new ContentInvalidError(`The content ${cid} has more than ${maxBytes} bytes`, {
            isTooLarge: true
          })
        }
        yield chunk
      }
    } catch (err) {
      signal.throwIfAborted()
      if (err instanceof BuffaloError) throw err
      // Its sizes lie, for one: nobody can ever read it.
      throw new ContentInvalidError(`The content ${cid} is no whole file: ${String(err)}`, { cause: err })
    }
  }

  async function share(path: string): Promise<string> {
    // However it is named when it is unshared.
    const file = await realpath(path)
    let offset = 0
    const nodes = shared.get(file) ?? new Set()
    shared.set(file, nodes)
    const cid = await importContent(
      createReadStream(file, { highWaterMark: chunkBytes }),
      async (blockCid, block) => {
        const parsed = parseCid(blockCid)
        const key = blockKey(parsed)
        if (parsed.code === dagPbCode) {
          if (!nodes.has(key)) blocks.hold(key)
          nodes.add(key)
          await blocks.put(key, block)
        } else {
          await blocks.refer(key, { path: file, offset, sizeBytes: block.length })
          offset += block.length
        }
      }
    )
    routing.provide(cid)
    return cid
  }

  function unshare(path: string): void {
    const file = existsSync(path) ? realpathSync(path) : path
    const isMeant = (one: string): boolean => one === file || one.startsWith(file + sep)
    for (const [one, keys] of shared) {
      if (!isMeant(one)) continue
      for (const key of keys) blocks.release(key)
      shared.delete(one)
    }
    blocks.unrefer(isMeant)
  }

  let pruning: Timer | undefined
  let isStopped = false

  async function prune(): Promise<void> {
    try {
      await pins.prune()
    } catch (err) {
      logger.warn({ err }, 'pins that are over could not be ended; trying again later')
    }
    if (!isStopped) pruning = clock.schedule(contentLimits.pruneEveryMs, () => void prune())
  }

  return {
    async add(content, { pin = false } = {}) {
      const held: string[] = []
      try {
        const cid = await importContent(content, async (blockCid, block) => {
          const key = blockKey(parseCid(blockCid))
          blocks.hold(key)
          held.push(key)
          await blocks.put(key, block)
        })
        if (pin) {
          await pins.pin(cid)
          routing.provide(cid)
        }
        return cid
      } finally {
        for (const key of held) blocks.release(key)
      }
    },
    share,
    unshare,
    fetch,
    async read(cid, options) {
      await fetch(cid, options)
      const chunks: Uint8Array[] = []
      for await (const chunk of contentOf(cid, options.maxBytes, options.signal)) chunks.push(chunk)
      return Buffer.concat(chunks)
    },
    async save(cid, target, options) {
      await fetch(cid, options)
      await mkdir(dirname(target), { recursive: true })
      const draft = `${target}.partial`
      try {
        const file = await open(draft, 'w')
        try {
          for await (const chunk of contentOf(cid, options.maxBytes, options.signal))
            await file.writeFile(chunk)
          await file.sync()
        } finally {
          await file.close()
        }
        await rename(draft, target)
      } finally {
        await rm(draft, { force: true })
      }
      // Served from the file from now on: the blocks are not needed twice.
      await share(target)
    },
    async pin(cid) {
      await pins.pin(cid)
      routing.provide(cid)
    },
    async pinFor(owner, cid) {
      await pins.pinFor(owner, cid)
      routing.provide(cid)
    },
    checkShare: pins.checkShare,
    unpin: pins.unpin,
    isPinned: pins.has,
    usage: () => ({ ...blocks.usage(), pins: pins.list().length }),

    async start() {
      await prune()
      await peers.start()
      await routing.start()
      for (const cid of pins.list()) routing.provide(cid)
    },
    async stop() {
      pruning?.cancel()
      isStopped = true
      await routing.stop()
      await peers.stop()
    }
  }
}
