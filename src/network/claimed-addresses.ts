import type { Address, Logger, PeerId, PeerInfo, PeerStore } from '@libp2p/interface'
import { loopbackAddressLast, publicAddressesFirst } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'
import { dhtLimits } from './limits.js'

export interface ClaimedAddressesComponents {
  peerStore: Pick<PeerStore, 'get' | 'merge'>
  /** What of a claim may be used here. */
  accept(peer: PeerInfo): PeerInfo
  /** libp2p's own. */
  log: Logger
}

/**
 * Addresses of peers as others tell them, unsigned: anyone may say anything of anyone. What a peer has signed itself, and what is
 * known of it from elsewhere, is neither replaced nor outnumbered: claims only fill what is left of a few places.
 */
export interface ClaimedAddresses {
  /** Takes what there is room for. Resolves when it is stored. */
  take(peer: PeerInfo): Promise<void>
  /** Resolves when what was taken of a peer until now is stored. */
  settled(peer: PeerId): Promise<void>
  /** The addresses of a peer that are kept. */
  known(peer: PeerId): Promise<Multiaddr[]>
}

export function claimedAddresses({ peerStore, accept, log }: ClaimedAddressesComponents): ClaimedAddresses {
  /** The last write of each peer. */
  const pending = new Map<string, Promise<void>>()

  async function addressesOf(peer: PeerId): Promise<Address[]> {
    try {
      return (await peerStore.get(peer)).addresses
    } catch (err) {
      if (err instanceof Error && err.name === 'NotFoundError') return []
      throw err
    }
  }

  async function store(claimed: PeerInfo): Promise<void> {
    const { id, multiaddrs } = accept(claimed)
    if (multiaddrs.length === 0) return
    const known = await addressesOf(id)
    const places = dhtLimits.claimedAddresses - known.filter(({ isCertified }) => !isCertified).length
    const names = new Set(known.map(({ multiaddr }) => bare(multiaddr, id)))
    const fresh = multiaddrs.filter(address => !names.has(bare(address, id))).slice(0, Math.max(0, places))
    if (fresh.length > 0) await peerStore.merge(id, { multiaddrs: fresh })
  }

  const settled = (peer: PeerId): Promise<void> => pending.get(peer.toString()) ?? Promise.resolve()

  return {
    take(claimed) {
      const name = claimed.id.toString()
      // One after the other, or two at a time would both find room.
      const stored = settled(claimed.id)
        .then(() => store(claimed))
        .catch(err => log.error('could not keep what was told of %p - %e', claimed.id, err))
        .then(() => {
          if (pending.get(name) === stored) pending.delete(name)
        })
      pending.set(name, stored)
      return stored
    },
    settled,
    known: async peer => (await addressesOf(peer)).map(({ multiaddr }) => multiaddr)
  }
}

/** Without the peer's own name at its end, as the peer store keeps it. */
function bare(address: Multiaddr, peer: PeerId): string {
  const text = address.toString()
  const name = `/p2p/${peer}`
  return text.endsWith(name) ? text.slice(0, -name.length) : text
}

/** libp2p's own order, but for the first: whatever others claim of a peer is dialled after what it has signed. */
export function signedFirst(a: Address, b: Address): -1 | 0 | 1 {
  if (a.isCertified !== b.isCertified) return a.isCertified ? -1 : 1
  return loopbackAddressLast(a.multiaddr, b.multiaddr) || publicAddressesFirst(a.multiaddr, b.multiaddr)
}
