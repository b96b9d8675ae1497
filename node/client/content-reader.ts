import { setMaxListeners } from 'node:events'
import { peerIdFromString } from '@libp2p/peer-id'
import { createContent } from '../../src/content/index.js'
import {
  ContentUnavailableError,
  type Logger,
  NotFoundError,
  systemClock
} from '../../src/interface/index.js'
import { createNetworkClient } from '../../src/network/client.js'
import { sleep } from '../wait.js'

export interface ContentReaderInit {
  /** Where the network's nodes are found. */
  bootstrap: string[]
  peersDirectory: string | undefined
  /** Whether private and loopback addresses count that nodes tell. */
  local: boolean
  logger: Logger
}

export interface ReadOptions {
  maxBytes: number
  signal: AbortSignal
  /** Peer ids: asks these nodes and no other. Default: all that are found. */
  from?: string[]
}

/**
 * The bytes at `ipfs://<cid>`, from the network's nodes and checked against the CID, or in a `data:` URI.
 * Throws ContentUnavailableError, ContentInvalidError, NotFoundError for a location of another kind.
 */
export type ReadContent = (location: string, options: ReadOptions) => Promise<Uint8Array>

const scheme = 'ipfs://'
/** A node of one machine is found at once, one of the internet by way of another. */
const findTimeoutMs = 10_000
const lookMs = 50

/** Reads as a visitor of the network, who listens nowhere and keeps nothing: each call is another visit. */
export function contentReader(init: ContentReaderInit): ReadContent {
  return async (location, options) => {
    if (location.startsWith('data:')) {
      return readDataUri(location)
    }
    if (!location.startsWith(scheme)) {
      throw new NotFoundError(`The location ${location.slice(0, 200)} is read with other programs`)
    }
    return visit(location.slice(scheme.length), options, init)
  }
}

async function visit(
  cid: string,
  { maxBytes, signal, from }: ReadOptions,
  { bootstrap, peersDirectory, local, logger }: ContentReaderInit
): Promise<Uint8Array> {
  const ending = new AbortController()
  const under = AbortSignal.any([signal, ending.signal])
  // libp2p and the download listen once for each step.
  setMaxListeners(0, under)
  const found = new Set<string>()
  const client = await createNetworkClient(
    { bootstrap, peerDirectory: peersDirectory, privateAddresses: local, onFound: peer => found.add(peer) },
    { clock: systemClock, logger }
  )
  const { libp2p } = client
  const content = await createContent({}, { libp2p, clock: systemClock, logger })

  /** Connects to the nodes that are to be asked. */
  async function connect(): Promise<void> {
    const deadlineMs = performance.now() + findTimeoutMs
    const wanted = (): string[] => (from ?? [...found]).filter(peer => found.has(peer))
    while (wanted().length < (from?.length ?? 1)) {
      if (performance.now() >= deadlineMs) {
        throw new ContentUnavailableError(
          `${from === undefined ? 'No node of the network was found' : `Not all of the nodes ${from.join(', ')} were found`}: see that they run, and --bootstrap`
        )
      }
      await sleep(lookMs, under)
    }
    const dials = await Promise.allSettled(
      wanted().map(peer => libp2p.dial(peerIdFromString(peer), { signal: under }))
    )
    if (dials.every(({ status }) => status === 'rejected')) {
      throw new ContentUnavailableError('No node of the network could be reached: see that nodes run')
    }
  }

  try {
    // Before it connects: it is told of nodes that come, not of those that are there.
    await content.start()
    await connect()
    return await content.read(cid, { maxBytes, signal: under, ...(from === undefined ? {} : { from }) })
  } finally {
    ending.abort()
    await content.stop()
    await client.stop()
  }
}

/** An output that went on chain whole. Throws NotFoundError. */
function readDataUri(location: string): Uint8Array {
  const [, base64] = /^data:[^,]{0,200};base64,([A-Za-z0-9+/]*={0,2})$/u.exec(location) ?? []
  if (base64 === undefined) {
    throw new NotFoundError('The output is a data: URI that is not in base64')
  }
  return Buffer.from(base64, 'base64')
}
