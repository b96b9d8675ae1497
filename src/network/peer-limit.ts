export interface PeerLimitInit {
  /** Peers that are kept. */
  peers: number
  /** Of these, such as were known at the start: newcomers cannot push them out. */
  residents: number
  /** The key of the node itself: libp2p tells others what stands there. */
  self?: string | undefined
}

/** Which peers a node keeps the addresses of, by the keys of libp2p's peer store. */
export interface PeerLimit {
  /** A peer of an earlier run. @returns the keys to forget */
  known(key: string): string[]
  /** A peer that was written or read now. @returns the keys to forget: those that were used longest ago */
  used(key: string): string[]
  removed(key: string): void
}

/**
 * Each key that connects leaves some 500 bytes in the peer store, and keys are free. Half of the places are for peers of
 * earlier runs, so that a flood of new keys does not make a node forget its network.
 */
export function peerLimit({ peers, residents, self }: PeerLimitInit): PeerLimit {
  const resident = new Set<string>()
  /** In order of last use. */
  const others = new Set<string>()

  function used(key: string): string[] {
    if (key === self || resident.has(key)) return []
    others.delete(key)
    others.add(key)
    const [oldest] = others
    if (oldest === undefined || resident.size + others.size <= peers) return []
    others.delete(oldest)
    return [oldest]
  }

  return {
    known(key) {
      if (key === self || resident.size >= residents) return used(key)
      resident.add(key)
      return []
    },
    used,
    removed(key) {
      resident.delete(key)
      others.delete(key)
    }
  }
}
