import { bootstrap } from '@libp2p/bootstrap'
import { type GossipSub, gossipsub } from '@libp2p/gossipsub'
import { type Identify, type IdentifyPush, identify, identifyPush } from '@libp2p/identify'
import type { Libp2p, PrivateKey, Topology } from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'
import { mdns } from '@libp2p/mdns'
import { noise } from '@libp2p/noise'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { type Ping, ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import type { Clock, Logger, PeerKey, PubSub, Startable } from '../interface/index.js'
import { signedFirst } from './claimed-addresses.js'
import { boundedDht } from './dht.js'
import { dialer } from './dialer.js'
import { directoryDiscovery } from './directory-discovery.js'
import { forwarder } from './forwarder.js'
import { connectionGate, type Gate, type GateInit } from './gate.js'
import { gossipReattach, withTopologies } from './gossip-reattach.js'
import { gossipsubOptions, gossipsubPubsub, peerScoreOf, scoreThresholds } from './gossipsub-pubsub.js'
import { peerKeyOf } from './identity.js'
import { connectionLimits, dialerLimits, forwardLimits, gossipsubLimits, peerStoreLimits } from './limits.js'
import { rareWindowUpdates, wholeFrames } from './packets.js'
import { openPeerDatastore } from './peer-datastore.js'
import { type PeerGuard, peerGuard, withInboundStreams } from './peer-guard.js'
import { limitSeen } from './seen-limit.js'
import { checkAddresses, checkBootstrap, listenError } from './setup.js'

export interface NetworkInit {
  /** From `loadOrCreateIdentity`. */
  privateKey: PrivateKey
  /** All topics that the node takes part in: `topicsOf(network)` of src/gossip/topic.ts. */
  topics: string[]
  /** Multiaddrs. Default: a free port of the loopback interface. */
  listen?: string[]
  /** Multiaddrs told to others in place of those listened on, for a node behind a port mapping. */
  announce?: string[]
  /** A folder of its own for known peers and DHT records. Without it they are forgotten at the end. */
  datastorePath?: string
  /** Multiaddrs with `/p2p/<peerId>` of nodes to begin with. */
  bootstrap?: string[]
  /** Finds peers of the local network by multicast DNS. Default: off. */
  mdns?: boolean
  /** A folder by which the nodes of one machine find each other. Default: none. */
  peerDirectory?: string
  /** Whether the DHT passes on private and loopback addresses: for networks on one machine or in one room. Default: on. */
  privateAddresses?: boolean
  gate?: GateInit
  /** Peers to be connected to, whoever dialled. Default: `dialerLimits.targetPeers`. */
  targetPeers?: number
}

export interface NetworkComponents {
  clock: Clock
  logger: Logger
  /** From 0 to below 1. Default: Math.random. */
  random?: () => number
}

export interface NetworkServices extends Record<string, unknown> {
  identify: Identify
  identifyPush: IdentifyPush
  ping: Ping
  dht: KadDHT
  gossipsub: GossipSub
}

/** A peer that is connected. */
export interface ConnectedPeer {
  peerId: string
  address: string
  direction: 'inbound' | 'outbound'
  /** What gossipsub thinks of it: below `scoreThresholds.graylist` nothing of it is read. */
  score: number
}

/** A node's place in the network. Once stopped it cannot be started again. */
export interface Network extends Startable {
  readonly peerId: string
  readonly peerKey: PeerKey
  readonly pubsub: PubSub
  /** For protocols of other stages (`handle`, `dialProtocol`) and for content. */
  readonly libp2p: Libp2p<NetworkServices>
  readonly gate: Gate
  /** The multiaddrs by which others reach the node, with its peer id. Empty before `start`. */
  addresses(): string[]
  peers(): ConnectedPeer[]
  /** Closes all connections to a peer; with `gate.deny` before it, for good. */
  disconnect(peerId: string): Promise<void>
}

/**
 * A libp2p node: TCP, noise, yamux; identify, ping, gossipsub and a private DHT under Buffalo's own protocol names; peers
 * from its peer store, bootstrap list, mDNS and the machine's peer directory, dialled with back-off.
 *
 * @throws ConfigError for an address that is not a multiaddr; DatabaseLockedError if `datastorePath` is in use.
 *   `start` throws ListenError.
 */
export async function createNetwork(init: NetworkInit, components: NetworkComponents): Promise<Network> {
  const { clock, logger, random = Math.random } = components
  const listen = checkAddresses('listen', init.listen ?? ['/ip4/127.0.0.1/tcp/0'])
  const announce = checkAddresses('announce', init.announce ?? [])
  const bootstrapList = checkBootstrap(init.bootstrap ?? [])
  const gate = connectionGate(init.gate, () => libp2p.getConnections())
  const datastore = await openPeerDatastore(init.datastorePath, peerIdFromPrivateKey(init.privateKey))

  /** gossipsub's own: one. */
  const topologies = new Set<Topology>()

  const libp2p: Libp2p<NetworkServices> = await createLibp2p<NetworkServices>({
    start: false,
    privateKey: init.privateKey,
    nodeInfo: { name: 'buffalo-node', userAgent: 'buffalo-node' },
    addresses: { listen, announce },
    transports: [tcp({ maxConnections: connectionLimits.maxConnections })],
    connectionEncrypters: [wholeFrames(noise())],
    streamMuxers: [
      rareWindowUpdates(
        yamux({
          maxInboundStreams: connectionLimits.streamsPerConnection,
          maxOutboundStreams: connectionLimits.streamsPerConnection,
          streamOptions: { maxStreamWindowSize: connectionLimits.streamWindowBytes }
        })
      )
    ],
    connectionGater: gate.gater,
    connectionManager: {
      maxConnections: connectionLimits.maxConnections,
      inboundConnectionThreshold: connectionLimits.inboundPerSecond,
      maxIncomingPendingConnections: connectionLimits.pendingInbound,
      maxParallelDials: connectionLimits.parallelDials,
      maxDialQueueLength: connectionLimits.dialQueue,
      dialTimeout: connectionLimits.dialTimeoutMs,
      addressSorter: signedFirst,
      // The dialer below reconnects; libp2p's own queue only knows peers with a tag.
      reconnectRetries: 0
    },
    connectionMonitor: {
      protocolPrefix,
      pingInterval: connectionLimits.pingIntervalMs,
      pingTimeout: { minTimeout: connectionLimits.dialTimeoutMs, maxTimeout: connectionLimits.pingTimeoutMs }
    },
    peerStore: { maxAddressAge: peerStoreLimits.addressAgeMs, maxPeerAge: peerStoreLimits.peerAgeMs },
    datastore,
    peerDiscovery: [
      ...(bootstrapList.length === 0 ? [] : [bootstrap({ list: bootstrapList, timeout: 0 })]),
      ...(init.mdns === true ? [mdns({ serviceTag: '_buffalo._udp.local' })] : []),
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
      // Under libp2p's own names, so that nodes of IPFS know that they can ask for blocks here.
      identify: identify(),
      identifyPush: identifyPush(),
      ping: ping({ protocolPrefix }),
      dht: boundedDht({
        clientMode: false,
        maxInboundStreams: connectionLimits.dhtStreams,
        privateAddresses: init.privateAddresses ?? true,
        clock
      }),
      gossipsub: withInboundStreams(
        components =>
          limitSeen(
            withTopologies(gossipsub(gossipsubOptions(init.topics)), topology => topologies.add(topology))(
              components
            ),
            gossipsubLimits.seenMessages
          ),
        (stream, connection) => guard.watch(stream, connection.remotePeer)
      )
    }
  })

  const dialling = dialer({
    ...dialerLimits,
    targetPeers: init.targetPeers ?? dialerLimits.targetPeers,
    keep: bootstrapList.map(address => address.split('/p2p/').at(-1) ?? ''),
    dialTimeoutMs: connectionLimits.dialTimeoutMs
  })({ libp2p, clock, logger: logger.child({ name: 'dialer' }), random })

  const guard: PeerGuard = peerGuard({
    graylistScore: scoreThresholds.graylist
  })({
    libp2p,
    gate,
    scoreOf: peer => peerScoreOf(libp2p.services.gossipsub, peer),
    clock,
    logger: logger.child({ name: 'guard' })
  })

  const reattaching = gossipReattach({ libp2p, gossipsub: libp2p.services.gossipsub, topologies })

  const forwarding = forwarder(forwardLimits)({ gossipsub: libp2p.services.gossipsub, clock, random })

  const addresses = (): string[] => libp2p.getMultiaddrs().map(String)
  let stopping: Promise<void> | undefined

  async function stop(): Promise<void> {
    await dialling.stop()
    await guard.stop()
    await reattaching.stop()
    await forwarding.stop()
    await libp2p.stop()
    await datastore.close()
  }

  return {
    peerId: libp2p.peerId.toString(),
    peerKey: peerKeyOf(init.privateKey),
    pubsub: gossipsubPubsub(libp2p.services.gossipsub),
    libp2p,
    gate,
    addresses,
    peers: () => {
      const peers = new Map<string, ConnectedPeer>()
      for (const { remotePeer, remoteAddr, direction } of libp2p.getConnections()) {
        peers.set(remotePeer.toString(), {
          peerId: remotePeer.toString(),
          address: remoteAddr.toString(),
          direction,
          score: peerScoreOf(libp2p.services.gossipsub, remotePeer.toString())
        })
      }
      return [...peers.values()]
    },
    async disconnect(peerId) {
      await Promise.all(
        libp2p
          .getConnections()
          .filter(({ remotePeer }) => remotePeer.toString() === peerId)
          .map(connection => connection.close())
      )
    },
    async start() {
      if (libp2p.status !== 'stopped' || stopping !== undefined) return
      // Before the first peer comes.
      await guard.start()
      await reattaching.start()
      await forwarding.start()
      try {
        await libp2p.start()
      } catch (err) {
        throw listenError(err, listen)
      }
      await dialling.start()
      logger.info({ peerId: libp2p.peerId.toString(), addresses: addresses() }, 'listening')
    },
    async stop() {
      stopping ??= stop()
      await stopping
    }
  }
}

const protocolPrefix = 'buffalo'
