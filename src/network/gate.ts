import type { ConnectionGater, PeerId } from '@libp2p/interface'

export interface GateInit {
  /** If it names any peer id, no other may connect. */
  allow?: string[]
  /** Peer ids that may not connect. Stronger than `allow`. */
  deny?: string[]
}

/** Who may connect. Changes count for new connections. */
export interface Gate {
  deny(peerId: string): void
  /** Takes back a `deny`. */
  undeny(peerId: string): void
  isDenied(peerId: string): boolean
  readonly gater: ConnectionGater
}

export function connectionGate({ allow = [], deny = [] }: GateInit = {}): Gate {
  const allowed = new Set(allow)
  const denied = new Set(deny)
  const isDenied = (peerId: string): boolean =>
    denied.has(peerId) || (allowed.size > 0 && !allowed.has(peerId))
  const denyPeer = (peer: PeerId): boolean => isDenied(peer.toString())
  return {
    deny: peerId => void denied.add(peerId),
    undeny: peerId => void denied.delete(peerId),
    isDenied,
    gater: {
      denyDialPeer: denyPeer,
      // A peer is known once its key is: after encryption.
      denyInboundEncryptedConnection: denyPeer,
      denyOutboundEncryptedConnection: denyPeer
    }
  }
}
