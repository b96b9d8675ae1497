import type { GossipSubComponents } from '@libp2p/gossipsub'
import type { Connection, Libp2p, PeerId, Stream } from '@libp2p/interface'
import type { Clock, Logger, Startable, Timer } from '../interface/index.js'
import { frameReader } from './frame-reader.js'
import type { Gate } from './gate.js'
import { gossipsubLimits, guardLimits } from './limits.js'

export interface PeerGuardInit {
  /** Below this score, gossipsub reads nothing of a peer. */
  graylistScore: number
}

export interface PeerGuardComponents {
  libp2p: Pick<Libp2p, 'getConnections' | 'getPeers'>
  gate: Pick<Gate, 'deny' | 'undeny' | 'isDenied'>
  scoreOf(peerId: string): number
  clock: Clock
  logger: Logger
}

/** Keys are free, and so would lines in the log be: of those that follow, their number is told after this time. */
const TELL_MS = 60_000

/** Why a peer was shut out. */
type Offence = 'score' | 'malformed'

export interface PeerGuard extends Startable {
  /** A stream on which a peer's RPCs come, before anyone listens to it. */
  watch(stream: Stream, peer: PeerId): void
}

/**
 * A libp2p service that is told of each inbound stream before it is given to the service. (libp2p's own middleware for
 * streams, of libp2p 3.3, collects the handlers of all streams in one list, and gives a stream to those of earlier ones.)
 */
export function withInboundStreams<Service>(
  service: (components: GossipSubComponents) => Service,
  onStream: (stream: Stream, connection: Connection) => void
): (components: GossipSubComponents) => Service {
  return components => {
    const { privateKey, peerId, peerStore, connectionManager, logger } = components
    const registrar = new Proxy(components.registrar, {
      get(target, name) {
        if (name === 'handle') {
          const handle: typeof target.handle = (protocol, handler, options) =>
            target.handle(
              protocol,
              async (stream, connection) => {
                // What came already is told to the first that listens: all must listen before it is.
                stream.pause()
                onStream(stream, connection)
                await handler(stream, connection)
                if (stream.readStatus === 'paused') stream.resume()
              },
              options
            )
          return handle
        }
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      }
    })
    return service({ privateKey, peerId, peerStore, connectionManager, logger, registrar })
  }
}

/**
 * Stands between peers and gossipsub, which reads as fast as a peer sends, keeps what it has not worked on in memory
 * without bound, and goes on reading from those that it scored out. Each peer's streams are read at a bounded rate: a
 * paused stream stops its sender by yamux's window. Who sends what is no RPC, or falls below the graylist score, is
 * disconnected, and stays out for a while. Who only sends much does not: it may be honest, and pass on what others write.
 */
export function peerGuard(init: PeerGuardInit): (components: PeerGuardComponents) => PeerGuard {
  return ({ libp2p, gate, scoreOf, clock, logger }) => {
    /** When what a peer has sent would be paid for at its rate, in order of last use. */
    const paidAtMs = new Map<string, number>()
    /** Peers that were shut out, and until when, in that order. */
    const out = new Map<string, number>()
    let timer: Timer | undefined
    let running = false
    let toldMs = Number.NEGATIVE_INFINITY
    let untold = 0

    /** Charges a peer; returns how long nothing more may be read of it. */
    function charge(peer: string, bytes: number, fields: number): number {
      const nowMs = clock.steadyMs()
      const costMs =
        1_000 * Math.max(bytes / guardLimits.bytesPerSecond, fields / guardLimits.messagesPerSecond)
      const paid = Math.max(paidAtMs.get(peer) ?? 0, nowMs) + costMs
      paidAtMs.delete(peer)
      paidAtMs.set(peer, paid)
      for (const oldest of paidAtMs.keys()) {
        if (paidAtMs.size <= guardLimits.peers) break
        paidAtMs.delete(oldest)
      }
      return Math.max(0, paid - nowMs - guardLimits.burstMs)
    }

    function shutOut(peer: PeerId, offence: Offence): void {
      const name = peer.toString()
      for (const connection of libp2p.getConnections()) {
        if (connection.remotePeer.equals(peer)) {
          connection.abort(new Error(`The peer was shut out: ${offence}`))
        }
      }
      // Whom the operator denies stays denied.
      if (gate.isDenied(name)) return
      gate.deny(name)
      out.set(name, clock.steadyMs() + guardLimits.shutOutMs)
      tell(name, offence)
      for (const [oldest] of out) {
        if (out.size <= guardLimits.peers) break
        letIn(oldest)
      }
    }

    function tell(peer: string, offence: Offence): void {
      if (clock.steadyMs() - toldMs < TELL_MS) {
        untold++
        logger.debug({ peer, offence }, 'a hostile peer was shut out')
        return
      }
      logger.warn({ peer, offence, ...(untold > 0 && { others: untold }) }, 'a hostile peer was shut out')
      toldMs = clock.steadyMs()
      untold = 0
    }

    function letIn(name: string): void {
      out.delete(name)
      gate.undeny(name)
    }

    function watch(stream: Stream, peer: PeerId): void {
      const name = peer.toString()
      const frames = frameReader(gossipsubLimits.inboundRpcBytes)
      stream.addEventListener('message', ({ data }) => {
        let fields = 0
        for (const chunk of data instanceof Uint8Array ? [data] : data) {
          const read = frames.read(chunk)
          fields += read.fields
          if (read.isBroken) {
            shutOut(peer, 'malformed')
            return
          }
        }
        const waitMs = charge(name, data.byteLength, fields)
        if (waitMs > 0) rest(stream, waitMs)
      })
    }

    function rest(stream: Stream, durationMs: number): void {
      if (stream.readStatus !== 'readable') return
      stream.pause()
      clock.schedule(durationMs, () => resume(stream))
    }

    function resume(stream: Stream): void {
      if (stream.readStatus === 'paused') stream.resume()
    }

    function look(): void {
      timer = undefined
      const nowMs = clock.steadyMs()
      for (const [name, untilMs] of out) {
        if (untilMs > nowMs) break
        letIn(name)
      }
      for (const peer of libp2p.getPeers()) {
        if (scoreOf(peer.toString()) < init.graylistScore) shutOut(peer, 'score')
      }
      if (running) timer = clock.schedule(guardLimits.lookMs, look)
    }

    return {
      watch,
      start() {
        if (running) return
        running = true
        look()
      },
      stop() {
        if (!running) return
        running = false
        timer?.cancel()
        for (const name of [...out.keys()]) letIn(name)
      }
    }
  }
}
