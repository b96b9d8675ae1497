import { BlockList, isIPv6 } from 'node:net'
import type { Connection, ConnectionGater, MultiaddrConnection, PeerId } from '@libp2p/interface'
import { connectionLimits } from './limits.js'

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

/**
 * @param connections those that are open: neither one peer nor one address takes all places of a node. gossipsub's scores see to
 *   neither, as they know only peers that speak gossipsub
 */
export function connectionGate(
  { allow = [], deny = [] }: GateInit = {},
  connections: () => Pick<Connection, 'remotePeer' | 'remoteAddr'>[] = () => []
): Gate {
  const allowed = new Set(allow)
  const denied = new Set(deny)
  const isDenied = (peerId: string): boolean =>
    denied.has(peerId) || (allowed.size > 0 && !allowed.has(peerId))
  const denyPeer = (peer: PeerId): boolean => isDenied(peer.toString())

  function isCrowded({ remoteAddr }: MultiaddrConnection): boolean {
    const ip = ipOf(remoteAddr)
    if (ip === undefined || isIn(loopback, ip)) return false
    const place = placeOf(ip)
    const near = connections().filter(one => isIn(place, ipOf(one.remoteAddr)))
    return near.length >= connectionLimits.perAddress
  }

  const hasEnough = (peer: PeerId): boolean =>
    connections().filter(({ remotePeer }) => remotePeer.equals(peer)).length >= connectionLimits.perPeer

  return {
    deny: peerId => void denied.add(peerId),
    undeny: peerId => void denied.delete(peerId),
    isDenied,
    gater: {
      denyDialPeer: denyPeer,
      // Before the handshake, which costs more; and after it, as many may have begun at once.
      denyInboundConnection: isCrowded,
      denyInboundUpgradedConnection: (peer, connection) => hasEnough(peer) || isCrowded(connection),
      // A peer is known once its key is: after encryption.
      denyInboundEncryptedConnection: denyPeer,
      denyOutboundEncryptedConnection: denyPeer
    }
  }
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')
/** IPv4 addresses as a socket that listens for both kinds shows them. */
const mapped = new BlockList()
mapped.addSubnet('::ffff:0:0', 96, 'ipv6')

const familyOf = (ip: string): 'ipv4' | 'ipv6' => (isIPv6(ip) ? 'ipv6' : 'ipv4')

const isIn = (list: BlockList, ip: string | undefined): boolean =>
  ip !== undefined && list.check(ip, familyOf(ip))

/** What one stranger has: an address, or the smallest network that is given to a user of IPv6. */
function placeOf(ip: string): BlockList {
  const place = new BlockList()
  if (isIPv6(ip) && !isIn(mapped, ip)) place.addSubnet(ip, 64, 'ipv6')
  else place.addAddress(ip, familyOf(ip))
  return place
}

/** Undefined for what has no IP address. */
function ipOf(address: Connection['remoteAddr']): string | undefined {
  return address.getComponents().find(({ name }) => name === 'ip4' || name === 'ip6')?.value
}
