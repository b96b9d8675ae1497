import {
  type ContentRouting,
  contentRoutingSymbol,
  isPeerId,
  type PeerDiscovery,
  type PeerInfo,
  type PeerRouting,
  peerDiscoverySymbol,
  peerRoutingSymbol,
  type Stream,
  StreamMessageEvent
} from '@libp2p/interface'
import {
  type KadDHT,
  type KadDHTComponents,
  kadDHT,
  passthroughMapper,
  removePrivateAddressesMapper
} from '@libp2p/kad-dht'
import type { Clock } from '../interface/index.js'
import { type ClaimedAddresses, claimedAddresses } from './claimed-addresses.js'
import { type Fields, frameReader } from './frame-reader.js'
import { dhtLimits } from './limits.js'
import { type RequestMeter, requestMeter } from './request-meter.js'

export interface DhtInit {
  /** Asks, and answers nobody. */
  clientMode: boolean
  /** Whether private and loopback addresses are passed on and dialled. */
  privateAddresses: boolean
  /** Streams that one connection may open. Default: kad-dht's own. */
  maxInboundStreams?: number
  clock: Clock
}

/** kad-dht's dht.proto. */
const peerFields: Fields = { 1: 'bytes', 2: 'bytes', 3: 'varint' }
const messageFields: Fields = {
  1: 'varint',
  2: 'bytes',
  3: 'bytes',
  8: peerFields,
  9: peerFields,
  10: 'varint'
}

/**
 * The DHT under Buffalo's own protocol name. kad-dht (16.4) has no option for the size of messages, and decodes what fits into 4 MiB:
 * two million empty peers take 600 MB and 2 s. Here each message is counted as it comes, before kad-dht has all of it, and the
 * stream of one that is too large is broken off. Nor has it one for how many requests it works on, and what it finds of peers' addresses
 * libp2p would keep beside what the peers have signed.
 */
export function boundedDht(init: DhtInit): (components: KadDHTComponents) => KadDHT {
  const { clientMode, privateAddresses, maxInboundStreams, clock } = init
  const mapper = privateAddresses ? passthroughMapper : removePrivateAddressesMapper
  const dht = kadDHT({
    protocol: '/buffalo/kad/1.0.0',
    clientMode,
    ...(maxInboundStreams !== undefined && { maxInboundStreams }),
    peerInfoMapper: peer => withFewAddresses(mapper(peer))
  })
  return components => {
    const meter = requestMeter(dhtLimits.requests)({ clock })
    const claims = claimedAddresses({
      peerStore: components.peerStore,
      accept: mapper,
      log: components.logger.forComponent('buffalo:claimed-addresses')
    })
    const registrar = replace(components.registrar, 'handle', handle => (protocol, handler, options) => {
      return handle(
        protocol,
        (stream, connection) => {
          watchRequests(stream, connection.remotePeer.toString(), meter, clock)
          // It listens before what came already is told: that is done in a later microtask.
          return handler(stream, connection)
        },
        options
      )
    })
    const connectionManager = replace(components.connectionManager, 'openStream', open => async (...args) => {
      const [peer] = args
      // What an answer told of it a moment ago is needed to dial it.
      if (isPeerId(peer)) await claims.settled(peer)
      return watch(await open(...args), dhtLimits.answer)
    })
    const peerStore = replace(
      components.peerStore,
      'merge',
      merge =>
        async (id, { multiaddrs = [], ...data }, options) => {
          await claims.take({ id, multiaddrs })
          return merge(id, data, options)
        }
    )
    return withClaims(dht({ ...among(components), registrar, connectionManager, peerStore }), claims)
  }
}

/**
 * libp2p keeps all addresses that a service finds. Of those that the DHT does, `claims` decides: libp2p is told of no more than
 * what is kept.
 */
function withClaims(service: KadDHT, claims: ClaimedAddresses): KadDHT {
  async function kept<T extends PeerInfo>(peer: T): Promise<T> {
    await claims.take(peer)
    return { ...peer, multiaddrs: await claims.known(peer.id) }
  }
  async function* allKept<T extends PeerInfo>(peers: AsyncIterable<T>): AsyncGenerator<T> {
    for await (const peer of peers) yield await kept(peer)
  }
  const found = service as KadDHT & {
    [contentRoutingSymbol]: ContentRouting
    [peerRoutingSymbol]: PeerRouting
    [peerDiscoverySymbol]: PeerDiscovery
  }
  const content = found[contentRoutingSymbol]
  const peers = found[peerRoutingSymbol]
  found[peerDiscoverySymbol].addEventListener('peer', ({ detail }) => void claims.take(detail))
  return Object.defineProperties(service, {
    [peerDiscoverySymbol]: { value: undefined },
    [contentRoutingSymbol]: {
      value: replace(
        content,
        'findProviders',
        find =>
          (...args) =>
            allKept(find(...args))
      )
    },
    [peerRoutingSymbol]: {
      value: replace(
        replace(
          peers,
          'findPeer',
          find =>
            async (...args) =>
              kept(await find(...args))
        ),
        'getClosestPeers',
        find =>
          (...args) =>
            allKept(find(...args))
      )
    }
  })
}

/** What kad-dht uses: libp2p's own object gives each by name only. */
function among(components: KadDHTComponents): KadDHTComponents {
  const { peerId, privateKey, registrar, addressManager, peerStore, metrics } = components
  const { connectionManager, datastore, events, logger, ping } = components
  return {
    peerId,
    privateKey,
    registrar,
    addressManager,
    peerStore,
    ...(metrics !== undefined && { metrics }),
    connectionManager,
    datastore,
    events,
    logger,
    ping
  }
}

/** An object with one of its methods replaced. */
function replace<T extends object, Name extends keyof T>(
  object: T,
  name: Name,
  make: (method: T[Name]) => T[Name]
): T {
  return new Proxy(object, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target)
      if (property === name) return make(bound(target, name))
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
}

function bound<T extends object, Name extends keyof T>(target: T, name: Name): T[Name] {
  const method = target[name]
  return typeof method === 'function' ? method.bind(target) : method
}

/**
 * Gives kad-dht the requests of a peer at its rate: those beyond it are held back. (The stream cannot be paused: kad-dht takes one
 * that is for ended.) A peer that sends more than a request meanwhile loses the stream.
 */
function watchRequests(stream: Stream, peer: string, meter: RequestMeter, clock: Clock): void {
  let held: StreamMessageEvent[] = []
  const released = new WeakSet<Event>()

  function release(): void {
    for (const { data } of held) {
      const event = new StreamMessageEvent(data)
      released.add(event)
      if (stream.status === 'open') stream.dispatchEvent(event)
    }
    held = []
  }

  watch(stream, dhtLimits.request, {
    isKnown: event => released.has(event),
    onMessages(requests, event) {
      const waitMs = meter.charge(peer, requests)
      if (requests > dhtLimits.requestsAtOnce) return false
      if (waitMs === 0 && held.length === 0) return true
      event.stopImmediatePropagation()
      if (held.length === 0) clock.schedule(waitMs, release)
      held.push(event)
      return held.reduce((bytes, { data }) => bytes + data.byteLength, 0) <= dhtLimits.request.bytes
    }
  })
}

interface Watcher {
  /** Whether an event was seen before. */
  isKnown(event: Event): boolean
  /** So many messages began. False: the stream is to be broken off. */
  onMessages(count: number, event: StreamMessageEvent): boolean
}

/** Breaks a stream off before a message that is too large is complete, or where `watcher` says so. */
function watch(
  stream: Stream,
  { bytes, fields }: { bytes: number; fields: number },
  watcher?: Watcher
): Stream {
  const frames = frameReader(bytes, { maximalFields: fields, known: messageFields })
  stream.addEventListener('message', event => {
    if (watcher?.isKnown(event) === true) return
    const chunks = event.data instanceof Uint8Array ? [event.data] : event.data
    let messages = 0
    let isBroken = false
    for (const chunk of chunks) {
      const read = frames.read(chunk)
      messages += read.frames
      isBroken ||= read.isBroken
    }
    if (!isBroken && watcher?.onMessages(messages, event) !== false) return
    // kad-dht listens, too, and must not have it.
    event.stopImmediatePropagation()
    // libp2p is still telling of the chunk.
    queueMicrotask(() => stream.abort(new Error('A DHT message was too large, one of too many, or none')))
  })
  return stream
}

/** A peer may have told any number of addresses. With all of them an answer might be too large for who asked. */
export function withFewAddresses(peer: PeerInfo): PeerInfo {
  let bytes = 0
  const multiaddrs = peer.multiaddrs
    .filter(address => {
      const length = address.bytes.byteLength
      const fits = bytes + length <= dhtLimits.addressBytesOfPeer
      if (fits) bytes += length
      return fits
    })
    .slice(0, dhtLimits.addressesOfPeer)
  return { ...peer, multiaddrs }
}
