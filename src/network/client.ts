import { bootstrap } from '@libp2p/bootstrap'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { type Identify, identify } from '@libp2p/identify'
import type { Libp2p, PeerInfo, Stream } from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'
import { noise } from '@libp2p/noise'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Ping, ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import type { Clock, Logger } from '../interface/index.js'
import { boundedDht } from './dht.js'
import { directoryDiscovery } from './directory-discovery.js'
import { connectionLimits } from './limits.js'
import { checkBootstrap } from './setup.js'

export interface NetworkClientInit {
  /** Multiaddrs with `/p2p/<peerId>` of nodes to begin with. */
  bootstrap: string[]
  /** The folder by which the nodes of one machine find each other. */
  peerDirectory: string | undefined
  /** Whether private and loopback addresses count that others tell. */
  privateAddresses: boolean
  /** Called for each node that is found, perhaps more than once. */
  onFound(peerId: string): void
}

/** A visitor of the network: asks nodes for something, listens nowhere, and is gone. */
export interface NetworkClient {
  /** For content. */
  libp2p: Libp2p
  /** Connects where there is no connection. Throws what libp2p throws. */
  openStream(peerId: string, protocol: string, signal: AbortSignal): Promise<Stream>
  /** Looks for further nodes in the DHT, by way of those that are connected. */
  search(signal: AbortSignal): Promise<void>
  stop(): Promise<void>
}

type Services = { identify: Identify; ping: Ping; dht: KadDHT }

/** Starts a client with an identity of its own, made for this once. Throws ConfigError for a bad address. */
export async function createNetworkClient(
  init: NetworkClientInit,
  { clock, logger }: { clock: Clock; logger: Logger }
): Promise<NetworkClient> {
  const list = checkBootstrap(init.bootstrap)
  const libp2p: Libp2p<Services> = await createLibp2p<Services>({
    start: false,
    privateKey: await generateKeyPair('Ed25519'),
    nodeInfo: { name: 'buffalo-client', userAgent: 'buffalo-client' },
    addresses: { listen: [] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    // Addresses of nodes are those of one machine or of a private network as well: what to dial, the caller's network says.
    connectionGater: { denyDialMultiaddr: () => false },
    connectionManager: {
      maxParallelDials: connectionLimits.parallelDials,
      dialTimeout: connectionLimits.dialTimeoutMs,
      reconnectRetries: 0
    },
    connectionMonitor: { enabled: false },
    peerDiscovery: [
      ...(list.length === 0 ? [] : [bootstrap({ list, timeout: 0 })]),
      // It writes no entry of its own: a client has no address.
      ...(init.peerDirectory === undefined
        ? []
        : [
            directoryDiscovery({
              path: init.peerDirectory,
              clock,
              logger: logger.child({ name: 'directory' })
            })
          ])
    ],
    services: {
      identify: identify(),
      ping: ping({ protocolPrefix: 'buffalo' }),
      dht: boundedDht({ clientMode: true, privateAddresses: init.privateAddresses, clock })
    }
  })
  const onDiscovery = ({ detail }: CustomEvent<PeerInfo>): void => init.onFound(detail.id.toString())
  libp2p.addEventListener('peer:discovery', onDiscovery)
  await libp2p.start()

  return {
    libp2p,
    openStream: (peerId, protocol, signal) =>
      libp2p.dialProtocol(peerIdFromString(peerId), protocol, { signal }),
    async search(signal) {
      // What lies near to this client's own, random place in the DHT: of a small network, all of it.
      for await (const event of libp2p.services.dht.getClosestPeers(libp2p.peerId.toMultihash().bytes, {
        signal
      })) {
        if (event.name !== 'PEER_RESPONSE') continue
        for (const { id, multiaddrs } of event.closer) {
          if (id.equals(libp2p.peerId) || multiaddrs.length === 0) continue
          await libp2p.peerStore.merge(id, { multiaddrs })
          init.onFound(id.toString())
        }
      }
    },
    async stop() {
      libp2p.removeEventListener('peer:discovery', onDiscovery)
      await libp2p.stop()
    }
  }
}
