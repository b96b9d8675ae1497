import { type Bitswap, createBitswap } from '@helia/bitswap'
import { identify } from '@libp2p/identify'
import type { Libp2p } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { MemoryBlockstore } from 'blockstore-core'
import { exporter } from 'ipfs-unixfs-exporter'
import { createLibp2p } from 'libp2p'
import { sha256 } from 'multiformats/hashes/sha2'

type Blockstore = Parameters<typeof createBitswap>[0]['blockstore']

export interface StockNode {
  libp2p: Libp2p
  bitswap: Bitswap
  blockstore: Blockstore
  address: string
  /** As Helia reads a file: all blocks of a node at once. */
  read(cid: string, signal: AbortSignal): Promise<Uint8Array>
  stop(): Promise<void>
}

/** A node of libp2p and Helia's bitswap as they come, with nothing of ours. */
export async function startStockNode(blockstore: Blockstore = new MemoryBlockstore()): Promise<StockNode> {
  const libp2p = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify() }
  })
  const routing = { findProviders: async function* () {} }
  const bitswap = createBitswap({
    libp2p,
    blockstore,
    logger: libp2p.logger,
    routing: routing as unknown as Parameters<typeof createBitswap>[0]['routing'],
    getHasher: () => sha256
  })
  await bitswap.start()
  return {
    libp2p,
    bitswap,
    blockstore,
    address: String(libp2p.getMultiaddrs()[0]),
    async read(cid, signal) {
      const store = {
        get: async function* (key: Parameters<Bitswap['want']>[0]) {
          yield await bitswap.want(key, { signal })
        }
      }
      const entry = await exporter(cid, store, { signal })
      if (entry.type !== 'file' && entry.type !== 'raw') throw new Error(`${cid} is a ${entry.type}`)
      const chunks: Uint8Array[] = []
      for await (const chunk of entry.content({ signal })) chunks.push(chunk)
      return Buffer.concat(chunks)
    },
    async stop() {
      await bitswap.stop()
      await libp2p.stop()
    }
  }
}
