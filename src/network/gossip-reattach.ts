import type { GossipSub, GossipSubComponents } from '@libp2p/gossipsub'
import type { Connection, Libp2p, Topology } from '@libp2p/interface'
import type { Startable } from '../interface/index.js'

export interface GossipReattachComponents {
  libp2p: Pick<Libp2p, 'getConnections' | 'addEventListener' | 'removeEventListener'>
  gossipsub: Pick<GossipSub, 'getPeers'>
  /** gossipsub's own handlers of peers that come and go: see `withTopologies`. */
  topologies: Iterable<Topology>
}

/** A libp2p service whose topologies, which it registers when it starts, are told to `onTopology`. */
export function withTopologies<Service>(
  service: (components: GossipSubComponents) => Service,
  onTopology: (topology: Topology) => void
): (components: GossipSubComponents) => Service {
  return components => {
    const registrar = new Proxy(components.registrar, {
      get(target, name) {
        if (name === 'register') {
          const register: typeof target.register = (protocol, topology, options) => {
            onTopology(topology)
            return target.register(protocol, topology, options)
          }
          return register
        }
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      }
    })
    return service({ ...components, registrar })
  }
}

/**
 * Gives gossip a new stream when the connection that carried it ends, and the peer has another. gossipsub (17.1) opens its one stream
 * to a peer on the first connection, is told of the end of the last one only, and would be silent to the peer for as long as the
 * other lives. Two connections are common: both sides dialled at once; or packets vanished, one side gave the connection up and
 * dialled anew, and the other still has the dead one for some seconds.
 */
export function gossipReattach({ libp2p, gossipsub, topologies }: GossipReattachComponents): Startable {
  let running = false

  function onClose({ detail: closed }: CustomEvent<Connection>): void {
    const peer = closed.remotePeer
    const left = libp2p
      .getConnections(peer)
      .filter(({ id, status }) => id !== closed.id && status === 'open')
      .sort((a, b) => b.timeline.open - a.timeline.open)[0]
    // A client without gossip is none of its peers.
    if (left === undefined || !gossipsub.getPeers().some(known => known.equals(peer))) return
    // Does nothing where gossip has its stream on another connection.
    for (const topology of new Set(topologies)) topology.onConnect?.(peer, left)
  }

  return {
    start() {
      if (running) return
      running = true
      libp2p.addEventListener('connection:close', onClose)
    },
    stop() {
      running = false
      libp2p.removeEventListener('connection:close', onClose)
    }
  }
}
