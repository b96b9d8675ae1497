import { createBitswap } from '@helia/bitswap'
import type { Libp2p, PeerId } from '@libp2p/interface'
import { BaseBlockstore } from 'blockstore-core'
import { sha256 } from 'multiformats/hashes/sha2'
import { type Clock, ContentUnavailableError, type Logger, type Startable } from '../interface/index.js'
import type { BlockStore } from './block-store.js'
import { blockKey, parseCid } from './cid.js'
import { contentLimits } from './limits.js'
import { boundReading } from './message-reader.js'
import { boundServing, guardReceiving, type ServingInit } from './serving.js'

export const bitswapProtocol = '/ipfs/bitswap/1.2.0'

export interface PeerBlocksInit {
  serving?: Partial<ServingInit>
}

export interface PeerBlocksComponents {
  libp2p: Libp2p
  blocks: Pick<BlockStore, 'get' | 'has' | 'sizeOf'>
  clock: Clock
  logger: Logger
}

/** Blocks from and for peers, by bitswap 1.2 over the node's own connections. */
export interface PeerBlocks extends Startable {
  /** Peers that are connected and speak bitswap. */
  peers(): string[]
  /**
   * Asks one peer for one block. The bytes have the CID's hash.
   * Throws ContentUnavailableError if the peer has it not; rejects with the signal's reason.
   */
  get(peer: string, cid: string, signal: AbortSignal): Promise<Uint8Array>
  /** Tells of peers that come, until the returned function is called. */
  onPeer(listener: (peer: string) => void): () => void
  /** Tells of peers that go, until the returned function is called. */
  onGone(listener: (peer: string) => void): () => void
}

export function peerBlocks(init: PeerBlocksInit = {}): (components: PeerBlocksComponents) => PeerBlocks {
  return ({ libp2p, blocks, clock, logger }) => {
    const peers = new Map<string, PeerId>()
    const arrivals = new Set<(peer: string) => void>()
    const departures = new Set<(peer: string) => void>()
    const { messageBytes, sendTimeoutMs, streamsPerPeer, wantsOfPeer } = contentLimits
    const options = {
      maxIncomingMessageSize: messageBytes,
      maxOutgoingMessageSize: messageBytes,
      messageSendTimeout: sendTimeoutMs,
      maxInboundStreams: streamsPerPeer,
      maxOutboundStreams: streamsPerPeer,
      // Who asks again has lost it: a download that broke off goes on at once.
      doNotResendBlockWindow: 0,
      maxWantlistSize: wantsOfPeer,
      // The name under which 3.2 reads what its documentation calls maxWantlistSize.
      maxWantListSize: wantsOfPeer
    }
    const bitswap = createBitswap(
      {
        libp2p,
        logger: libp2p.logger,
        blockstore: new ServedBlocks(blocks),
        // Peers are chosen by the download that asks them.
        routing: noRouting,
        // No other: with the identity "hash" a peer could pass any bytes off as any block.
        getHasher: code => {
          if (code === sha256.code) return sha256
          throw new ContentUnavailableError(`The hash function ${code} is not used`)
        }
      },
      options
    )
    const endServing = boundServing(
      bitswap,
      { sizeOf: key => blocks.sizeOf(key), ...init.serving },
      { clock }
    )
    /** How many blocks each peer is asked for now. */
    const asked = new Map<string, number>()
    guardReceiving(bitswap, peer => asked.has(peer))
    const forgetReading = boundReading(bitswap, { clock, logger })
    let registration: string | undefined

    function onConnect(peer: PeerId): void {
      peers.set(peer.toString(), peer)
      for (const listener of arrivals) listener(peer.toString())
    }

    /** libp2p tells only of peers that say what they speak from now on. */
    async function takeConnected(): Promise<void> {
      for (const peer of libp2p.getPeers()) {
        try {
          const { protocols } = await libp2p.peerStore.get(peer)
          const isThere = libp2p.getConnections(peer).length > 0
          if (isThere && protocols.includes(bitswapProtocol)) onConnect(peer)
        } catch (err) {
          logger.debug({ err, peer: peer.toString() }, 'a peer has not said yet what it speaks')
        }
      }
    }

    return {
      async start() {
        if (registration !== undefined) return
        registration = await libp2p.register(bitswapProtocol, {
          onConnect,
          onDisconnect(peer) {
            peers.delete(peer.toString())
            forgetReading(peer.toString())
            for (const listener of departures) listener(peer.toString())
          }
        })
        await bitswap.start()
        await takeConnected()
      },

      async stop() {
        if (registration === undefined) return
        libp2p.unregister(registration)
        registration = undefined
        endServing()
        await bitswap.stop()
      },

      peers: () => [...peers.keys()],

      async get(peer, cid, signal) {
        const id = peers.get(peer)
        if (id === undefined) throw new ContentUnavailableError(`The peer ${peer} is not connected`)
        signal.throwIfAborted()
        // A session of one peer: Helia's own asks all of its peers for each block.
        const session = bitswap.createSession({ providers: [id], minProviders: 1, maxProviders: 1 })
        asked.set(peer, (asked.get(peer) ?? 0) + 1)
        try {
          return await session.retrieve(parseCid(cid), { signal })
        } catch (err) {
          signal.throwIfAborted()
          logger.trace({ err, peer, cid }, 'a peer did not send a block')
          throw new ContentUnavailableError(`The peer ${peer} does not send ${cid}`, { cause: err })
        } finally {
          const left = (asked.get(peer) ?? 1) - 1
          if (left > 0) asked.set(peer, left)
          else asked.delete(peer)
        }
      },

      onPeer(listener) {
        arrivals.add(listener)
        return () => arrivals.delete(listener)
      },
      onGone(listener) {
        departures.add(listener)
        return () => departures.delete(listener)
      }
    }
  }
}

/** The store as bitswap serves it. What comes in is put there by the download that asked for it. */
class ServedBlocks extends BaseBlockstore {
  readonly #blocks: PeerBlocksComponents['blocks']

  constructor(blocks: PeerBlocksComponents['blocks']) {
    super()
    this.#blocks = blocks
  }

  override has(cid: Parameters<BaseBlockstore['has']>[0]): boolean {
    return this.#blocks.has(blockKey(cid))
  }

  override async *get(cid: Parameters<BaseBlockstore['get']>[0]): AsyncGenerator<Uint8Array> {
    const block = await this.#blocks.get(blockKey(cid))
    if (block === undefined) throw new BlockNotFoundError()
    yield block
  }
}

/** By its name, bitswap tells that a block is not here from a fault. */
class BlockNotFoundError extends Error {
  override name = 'NotFoundError'
}

const noRouting: Parameters<typeof createBitswap>[0]['routing'] = {
  name: 'none',
  provide: async () => undefined,
  cancelReprovide: async () => undefined,
  async *findProviders() {},
  put: async () => undefined,
  get: async () => {
    throw new ContentUnavailableError('There are no records')
  },
  findPeer: async () => {
    throw new ContentUnavailableError('Peers are not searched here')
  },
  async *getClosestPeers() {}
}
