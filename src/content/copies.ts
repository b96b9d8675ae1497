import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import { type Clock, ContentUnavailableError, type Logger, type Startable } from '../interface/index.js'
import { parseCid } from './cid.js'
import type { Content } from './content.js'
import { contentLimits } from './limits.js'

export const pinProtocol = '/buffalo/pin/1.0.0'

export interface CopiesInit {
  /** Whether a peer is a worker of the network: only these are asked, and only their outputs are kept. */
  isWorker(peerId: string): boolean
  /** Other nodes that are to hold an output. Default 2. */
  copies?: number
  /** Whether outputs of others are kept here. Default true. */
  keepsForOthers?: boolean
}

export interface CopiesComponents {
  libp2p: Pick<Libp2p, 'getPeers' | 'dialProtocol' | 'handle' | 'unhandle'>
  content: Pick<Content, 'fetch' | 'pinFor' | 'checkShare' | 'isPinned'>
  clock: Clock
  logger: Logger
  /** From 0 to below 1. */
  random: () => number
}

/** Keeps outputs on more than one node: what one node alone holds is lost with it. */
export interface Copies extends Startable {
  /**
   * Has other workers fetch and pin what is pinned here. Resolves with those that did, with as many as are wanted or as
   * can be had in time: a network of one node has none. Rejects only with the signal's reason.
   */
  spread(cid: string, signal: AbortSignal): Promise<string[]>
}

/** A CID as text, and an answer: nothing if it is done, else why not. */
const requestBytes = 128
const answerBytes = 256

export function outputCopies(init: CopiesInit): (components: CopiesComponents) => Copies {
  return ({ libp2p, content, clock, logger, random }) => {
    const wanted = init.copies ?? 2
    const busy = new Map<string, number>()
    let life: AbortController | undefined

    /** Throws where the other refuses or fails. */
    async function ask(peer: string, cid: string, signal: AbortSignal): Promise<void> {
      const id = libp2p.getPeers().find(one => one.toString() === peer)
      if (id === undefined) throw new ContentUnavailableError(`The peer ${peer} is not connected`)
      const stream = await libp2p.dialProtocol(id, pinProtocol, { signal })
      try {
        const frames = lpStream(stream, {
          maxDataLength: answerBytes,
          maxLengthLength: 2,
          maxBufferSize: answerBytes + 4
        })
        await frames.write(new TextEncoder().encode(cid), { signal })
        const answer = new TextDecoder().decode((await frames.read({ signal })).subarray())
        if (answer !== '') throw new ContentUnavailableError(answer)
        await stream.close({ signal })
      } catch (err) {
        stream.abort(err instanceof Error ? err : new Error(String(err)))
        throw err
      }
    }

    /** Resolves with the answer to a request. */
    async function keep(peer: string, cid: string, signal: AbortSignal): Promise<string> {
      if (init.keepsForOthers === false || !init.isWorker(peer)) return 'Only outputs of workers are kept'
      if ((busy.get(peer) ?? 0) >= contentLimits.pinsAtOnce) return 'Too many requests at once'
      busy.set(peer, (busy.get(peer) ?? 0) + 1)
      try {
        parseCid(cid)
        if (!content.isPinned(cid)) {
          content.checkShare(peer, 0)
          await content.fetch(cid, { maxBytes: contentLimits.pinBytes, from: [peer], signal })
          await content.pinFor(peer, cid)
          logger.debug({ peer, cid }, 'an output of another worker is kept')
        }
        return ''
      } catch (err) {
        logger.debug({ err, peer, cid }, 'an output of another worker is not kept')
        return (err instanceof Error ? err.message : String(err)).slice(0, answerBytes / 2)
      } finally {
        const left = (busy.get(peer) ?? 1) - 1
        if (left > 0) busy.set(peer, left)
        else busy.delete(peer)
      }
    }

    async function onStream(stream: Stream, connection: Connection, ending: AbortSignal): Promise<void> {
      const signal = AbortSignal.any([ending, AbortSignal.timeout(contentLimits.pinTimeoutMs)])
      try {
        const frames = lpStream(stream, {
          maxDataLength: requestBytes,
          maxLengthLength: 2,
          maxBufferSize: requestBytes + 4
        })
        const cid = new TextDecoder().decode((await frames.read({ signal })).subarray())
        const answer = await keep(connection.remotePeer.toString(), cid, signal)
        await frames.write(new TextEncoder().encode(answer), { signal })
        await stream.close({ signal })
      } catch (err) {
        logger.debug({ err }, 'a request to keep an output broke off')
        stream.abort(err instanceof Error ? err : new Error(String(err)))
      }
    }

    function shuffled(peers: string[]): string[] {
      return peers
        .map(peer => ({ peer, order: random() }))
        .sort((a, b) => a.order - b.order)
        .map(({ peer }) => peer)
    }

    return {
      async start() {
        if (life !== undefined) return
        const { signal } = (life = new AbortController())
        await libp2p.handle(pinProtocol, (stream, connection) => void onStream(stream, connection, signal), {
          maxInboundStreams: contentLimits.pinsAtOnce,
          maxOutboundStreams: contentLimits.pinStreams
        })
      },
      async stop() {
        if (life === undefined) return
        life.abort(new Error('The node stops'))
        life = undefined
        await libp2p.unhandle(pinProtocol)
      },

      async spread(cid, signal) {
        signal.throwIfAborted()
        const late = new AbortController()
        const timer = clock.schedule(contentLimits.pinTimeoutMs, () =>
          late.abort(new Error('it takes too long'))
        )
        const waiting = shuffled(libp2p.getPeers().map(String).filter(init.isWorker))
        const candidates = waiting.length
        const done: string[] = []
        const limit = AbortSignal.any([signal, late.signal])
        const askNext = async (): Promise<void> => {
          for (let peer = waiting.shift(); peer !== undefined; peer = waiting.shift()) {
            if (limit.aborted) return
            try {
              await ask(peer, cid, limit)
              done.push(peer)
              return
            } catch (err) {
              logger.debug({ err, peer, cid }, 'a worker does not keep an output')
            }
          }
        }
        try {
          await Promise.all(Array.from({ length: wanted }, askNext))
        } finally {
          timer.cancel()
        }
        signal.throwIfAborted()
        if (done.length < Math.min(wanted, candidates)) {
          logger.warn({ cid, copies: done.length, wanted }, 'an output has fewer copies than it should')
        }
        return done
      }
    }
  }
}
