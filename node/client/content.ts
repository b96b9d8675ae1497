import { rm } from 'node:fs/promises'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { type Content, createContent, type DownloadProgress } from '../../src/content/index.js'
import { ContentUnavailableError, type Logger, systemClock } from '../../src/interface/index.js'
import { createNetworkClient, type NetworkClient } from '../../src/network/client.js'
import { checkBootstrap } from '../../src/network/setup.js'
import { sleep } from '../wait.js'

export interface ContentClientInit {
  /** Multiaddrs of nodes to begin with. */
  bootstrap: string[]
  /** The folder by which the nodes of one machine find each other. */
  peersDirectory: string | undefined
  /** Whether private and loopback addresses count that nodes tell. */
  local: boolean
  /** The one node to ask, by its multiaddr with its peer id; undefined: all that are found. */
  via?: string | undefined
  /** Where blocks are kept until the content is whole; in memory without it. */
  blocksPath?: string | undefined
  logger: Logger
}

/** A visitor of the network that asks for content, and may serve some while it stays. */
export interface ContentClient {
  content: Content
  /** Peer ids of those that may be asked; undefined: everyone. */
  from: string[] | undefined
  /** Peers that are connected. */
  peers(): string[]
  /** Tries again to reach the nodes that were found and are not connected. */
  redial(): void
  stop(): Promise<void>
}

/** Nodes that are dialled of those that are found: as many as a node itself keeps. */
const maxPeers = 16
/** Nodes that are remembered of those that are found. */
const maxFound = 64
const retryMs = 500

/** Throws ConfigError for an address that is none, ContentUnavailableError where `via` cannot be reached. */
export async function openContentClient(
  init: ContentClientInit,
  signal: AbortSignal
): Promise<ContentClient> {
  const { via, logger, blocksPath } = init
  const [viaAddress] = via === undefined ? [] : checkBootstrap([via])
  let client: NetworkClient | undefined
  const found = new Set<string>()
  const dialling = new Set<string>()
  function dial(peer: string): void {
    if (client === undefined || dialling.has(peer)) return
    const connected = client.libp2p.getPeers().map(String)
    if (connected.length >= maxPeers || connected.includes(peer)) return
    dialling.add(peer)
    client.libp2p
      .dial(peerIdFromString(peer), { signal })
      .catch(err => logger.debug({ err, peer }, 'a node could not be reached'))
      .finally(() => dialling.delete(peer))
  }
  client = await createNetworkClient(
    {
      bootstrap: viaAddress === undefined ? init.bootstrap : [],
      peerDirectory: viaAddress === undefined ? init.peersDirectory : undefined,
      privateAddresses: init.local,
      onFound(peer) {
        if (found.size < maxFound) found.add(peer)
        dial(peer)
      }
    },
    { clock: systemClock, logger }
  )
  const opened = client
  for (const peer of found) dial(peer)
  try {
    const from: string[] = []
    if (viaAddress !== undefined) {
      from.push(await dialOne(opened, viaAddress, signal))
    }
    const content = await createContent(
      { path: blocksPath, quotaBytes: blocksPath === undefined ? 2 ** 30 : 2 ** 40 },
      { libp2p: opened.libp2p, clock: systemClock, logger }
    )
    await content.start()
    return {
      content,
      from: viaAddress === undefined ? undefined : from,
      peers: () => opened.libp2p.getPeers().map(String),
      redial() {
        for (const peer of found) dial(peer)
        if (viaAddress === undefined) return
        dialOne(opened, viaAddress, signal).catch(err =>
          logger.debug({ err }, 'the node is not reached again')
        )
      },
      async stop() {
        await content.stop()
        await opened.stop()
      }
    }
  } catch (err) {
    await opened.stop()
    throw err
  }
}

async function dialOne({ libp2p }: NetworkClient, address: string, signal: AbortSignal): Promise<string> {
  try {
    return (await libp2p.dial(multiaddr(address), { signal })).remotePeer.toString()
  } catch (err) {
    signal.throwIfAborted()
    throw new ContentUnavailableError(`The node ${address} cannot be reached: ${String(err)}`, { cause: err })
  }
}

export interface GetContentInit extends ContentClientInit {
  cid: string
  maxBytes: number
  /** A file to write; without it the bytes are returned. */
  out?: string | undefined
  onProgress?: ((progress: DownloadProgress) => void) | undefined
}

/**
 * Fetches content from the nodes of a network, each block checked against its CID. Asks again until the
 * signal aborts, `via` as well: a node may be about to get what it is asked for. What was fetched into a file before a break is not fetched again.
 * @returns the bytes, or nothing where they went to a file
 */
export async function getContent(init: GetContentInit, signal: AbortSignal): Promise<Uint8Array | undefined> {
  const { cid, maxBytes, out, onProgress, logger } = init
  const blocksPath = out === undefined ? undefined : `${out}.blocks`
  const client = await openContentClient({ ...init, blocksPath }, signal)
  try {
    const options = { maxBytes, signal, onProgress, from: client.from }
    for (;;) {
      try {
        if (out === undefined) return await client.content.read(cid, options)
        await client.content.save(cid, out, options)
        break
      } catch (err) {
        if (!(err instanceof ContentUnavailableError)) throw err
        logger.debug({ err, cid }, 'content is not had yet; asking again')
      }
      await sleep(retryMs, signal)
      client.redial()
    }
  } finally {
    await client.stop()
  }
  if (blocksPath !== undefined) await rm(blocksPath, { recursive: true, force: true })
  return undefined
}
