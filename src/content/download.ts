import {
  type Clock,
  ContentInvalidError,
  ContentUnavailableError,
  type Logger,
  type Timer
} from '../interface/index.js'
import type { BlockStore } from './block-store.js'
import { blockKey, keyOfBytes, parseCid } from './cid.js'
import { contentLimits } from './limits.js'
import { readTreeNode, treeBounds } from './tree.js'

/** Someone who may send blocks: a peer, or a gateway. */
export interface BlockSource {
  name: string
  /** Rejects where it does not send the block. What resolves is checked by the caller. */
  get(cid: string, signal: AbortSignal): Promise<Uint8Array>
  /** Aborts when it is gone for good. */
  gone?: AbortSignal
}

export interface DownloadProgress {
  /** CID of the content. */
  cid: string
  /** Blocks that are here, and those that are known of. */
  blocks: number
  knownBlocks: number
  /** Of the file, here. */
  bytes: number
  /** Of the file in all; undefined until its root is here. */
  totalBytes: number | undefined
}

export interface DownloadInit {
  cid: string
  /** Of the file. */
  maxBytes: number
  signal: AbortSignal
  onProgress?: ((progress: DownloadProgress) => void) | undefined
  /**
   * Called at the start and each time that nobody is left to ask; `add` may be called until the signal aborts. Resolves when
   * no more are to be found for now.
   */
  search(add: (source: BlockSource) => void, signal: AbortSignal): Promise<void>
}

export interface DownloadComponents {
  blocks: Pick<BlockStore, 'get' | 'put' | 'hold' | 'release'>
  clock: Clock
  logger: Logger
}

/** A block that is not here. */
interface Missing {
  cid: string
  depth: number
  /** Sources that failed to send it. */
  tried: Set<Asked>
  /** Who is asked now, and since when. */
  asked: Map<Asked, { sinceMs: number; abort: AbortController }>
}

interface Asked {
  source: BlockSource
  asks: number
  failures: number
}

/**
 * Brings all blocks of a file here, from several sources at once: each block is asked of one, and of another if that is
 * late. What is here already is not asked for, so a download that broke off goes on where it was.
 *
 * Throws ContentUnavailableError if nobody sends the rest, ContentInvalidError for what is no file or too large; rejects
 * with the signal's reason.
 */
export async function download(init: DownloadInit, components: DownloadComponents): Promise<void> {
  const { cid: root, maxBytes, signal, onProgress } = init
  const { blocks, clock, logger } = components
  const bounds = treeBounds(maxBytes)
  const missing = new Map<string, Missing>()
  const sources = new Map<string, Asked>()
  /** Those that wait for a place. */
  const reserve = new Map<string, BlockSource>()
  /** Names of sources that failed too often. */
  const refused = new Set<string>()
  const held: string[] = []
  const seen = new Set<string>()
  const ended = new AbortController()
  const stopping = AbortSignal.any([signal, ended.signal])
  const done = Promise.withResolvers<void>()
  const progress: DownloadProgress = { cid: root, blocks: 0, knownBlocks: 0, bytes: 0, totalBytes: undefined }
  let isSearching = false
  let unread = 0
  let lastNewsMs = clock.steadyMs()
  let lastSearchMs = Number.NEGATIVE_INFINITY
  let timer: Timer | undefined

  const fail = (err: unknown): void => done.reject(err)

  /** A block of the tree: read here, or put on the list. */
  async function visit(cid: string, depth: number): Promise<void> {
    const key = blockKey(parseCid(cid))
    if (seen.has(key)) return
    seen.add(key)
    progress.knownBlocks++
    blocks.hold(key)
    held.push(key)
    unread++
    const block = await blocks.get(key)
    if (block === undefined) missing.set(key, { cid, depth, tried: new Set(), asked: new Map() })
    else await take(cid, depth, block)
    unread--
  }

  /** A block that is here now. */
  async function take(cid: string, depth: number, block: Uint8Array): Promise<void> {
    const node = readTreeNode(cid, block)
    if (cid === root) {
      bounds.checkSize(root, node.sizeBytes)
      progress.totalBytes = node.sizeBytes
    }
    bounds.count(depth, node, block.length)
    progress.blocks++
    if (node.links.length === 0) progress.bytes += node.sizeBytes
    onProgress?.({ ...progress })
    for (const link of node.links) await visit(link, depth + 1)
  }

  function addSource(source: BlockSource): void {
    if (stopping.aborted || source.gone?.aborted || refused.has(source.name) || sources.has(source.name))
      return
    if (sources.size >= contentLimits.sources) {
      if (reserve.size < contentLimits.reserve) reserve.set(source.name, source)
      return
    }
    reserve.delete(source.name)
    const asked: Asked = { source, asks: 0, failures: 0 }
    sources.set(source.name, asked)
    source.gone?.addEventListener('abort', () => drop(asked), { signal: ended.signal })
    pump()
  }

  function drop(asked: Asked): void {
    sources.delete(asked.source.name)
    for (const block of missing.values()) block.asked.get(asked)?.abort.abort(new Error('the source is gone'))
    for (const source of reserve.values()) {
      if (sources.size >= contentLimits.sources) break
      addSource(source)
    }
    pump()
  }

  async function ask(key: string, block: Missing, asked: Asked): Promise<void> {
    const abort = new AbortController()
    block.asked.set(asked, { sinceMs: clock.steadyMs(), abort })
    asked.asks++
    const late = clock.schedule(contentLimits.blockTimeoutMs, () =>
      abort.abort(new Error('it takes too long'))
    )
    try {
      const bytes = await asked.source.get(block.cid, AbortSignal.any([stopping, abort.signal]))
      if (keyOfBytes(bytes) !== key) {
        asked.failures = contentLimits.failuresOfSource
        throw new ContentInvalidError('It sent another block')
      }
      if (missing.delete(key)) await arrived(block, key, bytes)
    } catch (err) {
      if (stopping.aborted || !missing.has(key)) return
      logger.debug({ err, source: asked.source.name, cid: block.cid }, 'a source did not send a block')
      // Where it only took too long it may be asked again: a stock server does not send a block twice in five seconds.
      if (!abort.signal.aborted) block.tried.add(asked)
      // Who has not got the root has nothing of it, as far as is known: another takes its place.
      if (++asked.failures >= contentLimits.failuresOfSource || block.depth === 0) {
        refused.add(asked.source.name)
        drop(asked)
      }
    } finally {
      late.cancel()
      asked.asks--
      block.asked.delete(asked)
      pump()
    }
  }

  async function arrived(block: Missing, key: string, bytes: Uint8Array): Promise<void> {
    lastNewsMs = clock.steadyMs()
    for (const { abort } of block.asked.values()) abort.abort(new Error('another was faster'))
    unread++
    try {
      await blocks.put(key, bytes)
      await take(block.cid, block.depth, bytes)
    } catch (err) {
      fail(err)
    } finally {
      unread--
    }
  }

  /** The source with the least to do that may have the block. */
  function idleSource(block: Missing): Asked | undefined {
    let best: Asked | undefined
    for (const asked of sources.values()) {
      if (asked.asks >= contentLimits.asksPerPeer || block.tried.has(asked)) continue
      if (best === undefined || asked.asks < best.asks) best = asked
    }
    return best
  }

  function isLate(block: Missing): boolean {
    return [...block.asked.values()].every(
      ({ sinceMs }) => clock.steadyMs() - sinceMs >= contentLimits.hedgeAfterMs
    )
  }

  /** Nobody is left to ask for it. */
  function isStuck(block: Missing): boolean {
    return block.asked.size === 0 && [...sources.values()].every(asked => block.tried.has(asked))
  }

  /** Gives everyone something to do. */
  function pump(): void {
    if (stopping.aborted) return
    if (missing.size === 0 && unread === 0) {
      done.resolve()
      return
    }
    let places = [...sources.values()].reduce((sum, { asks }) => sum + contentLimits.asksPerPeer - asks, 0)
    // What nobody has been asked for goes first; who then has nothing to do helps with what is late.
    for (const [key, block] of missing) {
      if (places <= 0) break
      const source = block.asked.size > 0 ? undefined : idleSource(block)
      if (source === undefined) continue
      places--
      void ask(key, block, source)
    }
    for (const asked of sources.values()) {
      if (asked.asks > 0) continue
      for (const [key, block] of missing) {
        if (block.asked.size === 0 || block.tried.has(asked) || !isLate(block)) continue
        void ask(key, block, asked)
        break
      }
    }
    const stuck = [...missing.values()].find(isStuck)
    if (stuck === undefined) return
    const useless = reserve.size > 0 ? [...sources.values()].find(asked => stuck.tried.has(asked)) : undefined
    if (useless !== undefined) {
      // Another may have what it has not.
      refused.add(useless.source.name)
      drop(useless)
    } else if (!isSearching) lookFurther()
  }

  function lookFurther(): void {
    if (clock.steadyMs() - lastSearchMs < contentLimits.searchEveryMs) return
    lastSearchMs = clock.steadyMs()
    isSearching = true
    init
      .search(addSource, stopping)
      .catch(err => logger.debug({ err, cid: root }, 'a search for sources failed'))
      .finally(() => {
        isSearching = false
        const isAsked = [...missing.values()].some(({ asked }) => asked.size > 0)
        // Nobody to ask, and nobody was found: it may be that nobody has it.
        if (!isAsked && missing.size > 0 && unread === 0) giveUp()
        else pump()
      })
  }

  function giveUp(): void {
    fail(
      new ContentUnavailableError(
        `Nobody who is reached sends the content ${root}: ${progress.blocks} of at least ${progress.knownBlocks} blocks are here`
      )
    )
  }

  function tick(): void {
    if (clock.steadyMs() - lastNewsMs >= contentLimits.idleTimeoutMs) giveUp()
    pump()
    timer = clock.schedule(500, tick)
  }

  // It may reject before it is waited for.
  done.promise.catch(() => undefined)
  const onAbort = (): void => fail(signal.reason)
  signal.throwIfAborted()
  signal.addEventListener('abort', onAbort)
  try {
    await visit(root, 0)
    pump()
    tick()
    await done.promise
  } finally {
    signal.removeEventListener('abort', onAbort)
    timer?.cancel()
    ended.abort(new Error('the download ended'))
    for (const key of held) blocks.release(key)
  }
}
