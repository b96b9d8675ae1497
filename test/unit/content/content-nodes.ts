import { generateKeyPair } from '@libp2p/crypto/keys'
import { type Content, type ContentInit, createContent } from '../../../src/content/content.js'
import { systemClock } from '../../../src/interface/index.js'
import { createNetwork, type Network } from '../../../src/network/libp2p.js'
import { silentLogger } from '../../helpers/silent-logger.js'

export interface ContentNode {
  network: Network
  content: Content
  /** Multiaddr with the peer id. */
  address: string
  stop(): Promise<void>
}

/**
 * A node in this process, on a free port of the loopback interface, with content in memory unless a path is given. `onNetwork`
 * is waited for while the network is up and content is not.
 */
export async function startContentNode(
  init: ContentInit = {},
  onNetwork?: (network: Network) => Promise<unknown>
): Promise<ContentNode> {
  const components = { clock: systemClock, logger: silentLogger() }
  const network = await createNetwork(
    { privateKey: await generateKeyPair('Ed25519'), topics: [] },
    components
  )
  const content = await createContent(init, { libp2p: network.libp2p, ...components })
  await network.start()
  await onNetwork?.(network)
  await content.start()
  const [address = ''] = network.addresses()
  return {
    network,
    content,
    address,
    async stop() {
      await content.stop()
      await network.stop()
    }
  }
}

/** Connects two nodes, and resolves when the first knows that the other speaks bitswap. */
export async function connect(from: ContentNode, to: { address: string }): Promise<void> {
  const { multiaddr } = await import('@multiformats/multiaddr')
  await from.network.libp2p.dial(multiaddr(to.address))
}

/** Bytes that do not repeat: no two blocks are alike. */
export function distinctBytes(sizeBytes: number, seed = 1): Uint8Array {
  const words = new Uint32Array(Math.ceil(sizeBytes / 4))
  let state = seed
  for (let at = 0; at < words.length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    words[at] = state
  }
  return new Uint8Array(words.buffer, 0, sizeBytes)
}
