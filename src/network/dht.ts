import type { PeerInfo, Stream } from '@libp2p/interface'
import {
  type KadDHT,
  type KadDHTComponents,
  kadDHT,
  passthroughMapper,
  removePrivateAddressesMapper
} from '@libp2p/kad-dht'
import { type Fields, frameReader } from './frame-reader.js'
import { dhtLimits } from './limits.js'

export interface DhtInit {
  /** Asks, and answers nobody. */
  clientMode: boolean
  /** Whether private and loopback addresses are passed on and dialled. */
  privateAddresses: boolean
  /** Streams that one connection may open. Default: kad-dht's own. */
  maxInboundStreams?: number
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
 * stream of one that is too large is broken off.
 */
export function boundedDht(init: DhtInit): (components: KadDHTComponents) => KadDHT {
  const { clientMode, privateAddresses, maxInboundStreams } = init
  const mapper = privateAddresses ? passthroughMapper : removePrivateAddressesMapper
  const dht = kadDHT({
    protocol: '/buffalo/kad/1.0.0',
    clientMode,
    ...(maxInboundStreams !== undefined && { maxInboundStreams }),
    peerInfoMapper: peer => withFewAddresses(mapper(peer))
  })
  return components => {
    const registrar = replace(components.registrar, 'handle', handle => (protocol, handler, options) => {
      return handle(
        protocol,
        (stream, connection) => {
          watch(stream, dhtLimits.request)
          // It listens before what came already is told: that is done in a later microtask.
          return handler(stream, connection)
        },
        options
      )
    })
    const connectionManager = replace(
      components.connectionManager,
      'openStream',
      open =>
        async (...args) =>
          watch(await open(...args), dhtLimits.answer)
    )
    return dht({ ...among(components), registrar, connectionManager })
  }
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

/** Breaks a stream off before a message that is too large is complete. */
function watch(stream: Stream, { bytes, fields }: { bytes: number; fields: number }): Stream {
  const frames = frameReader(bytes, { maximalFields: fields, known: messageFields })
  stream.addEventListener('message', event => {
    const chunks = event.data instanceof Uint8Array ? [event.data] : event.data
    for (const chunk of chunks) {
      if (!frames.read(chunk).isBroken) continue
      // kad-dht listens, too, and must not have it.
      event.stopImmediatePropagation()
      // libp2p is still telling of the chunk.
      queueMicrotask(() => stream.abort(new Error('A DHT message was too large, or none')))
      return
    }
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
