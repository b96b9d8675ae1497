import type { Connection, Libp2p, PeerId, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import type { Logger, SyncTransport } from '../interface/index.js'
import { syncStreamLimits } from './limits.js'

export const syncProtocol = '/buffalo/sync/1.0.0'

export interface SyncTransportComponents {
  libp2p: Pick<
    Libp2p,
    | 'getPeers'
    | 'dialProtocol'
    | 'handle'
    | 'unhandle'
    | 'addEventListener'
    | 'removeEventListener'
    | 'getConnections'
  >
  logger: Logger
}

/** Sync over libp2p streams: one stream is one conversation, each message has its length before it. */
export function libp2pSyncTransport({ libp2p, logger }: SyncTransportComponents): SyncTransport {
  const { requestBytes, answerBytes, answerMs, idleMs, streamsPerPeer } = syncStreamLimits
  const serving = new AbortController()

  function framesOf(stream: Stream, maxDataLength: number) {
    // A varint of the length has four bytes at most.
    return lpStream(stream, { maxDataLength, maxLengthLength: 4, maxBufferSize: maxDataLength + 4 })
  }

  return {
    peers: () => libp2p.getPeers().map(String),

    async open(peer, signal) {
      const id = libp2p.getPeers().find(one => one.toString() === peer)
      if (id === undefined) throw new Error(`${peer} is not connected`)
      const opening = AbortSignal.any([signal, AbortSignal.timeout(answerMs)])
      const stream = await libp2p.dialProtocol(id, syncProtocol, { signal: opening })
      const frames = framesOf(stream, answerBytes)
      return {
        async ask(request) {
          const waiting = { signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)]) }
          try {
            await frames.write(request, waiting)
            return (await frames.read(waiting)).subarray()
          } catch (err) {
            stream.abort(err instanceof Error ? err : new Error(String(err)))
            throw err
          }
        },
        async close() {
          if (stream.status === 'open')
            await stream
              .close({ signal: AbortSignal.timeout(answerMs) })
              .catch(() => stream.abort(new Error('The peer does not let the stream end')))
        }
      }
    },

    async serve(accept) {
      async function onStream(stream: Stream, connection: Connection): Promise<void> {
        const peer = connection.remotePeer.toString()
        const conversation = accept(peer)
        if (conversation === undefined) {
          stream.abort(new Error('Too many conversations'))
          return
        }
        const frames = framesOf(stream, requestBytes)
        try {
          while (stream.remoteWriteStatus === 'writable' || stream.readBufferLength > 0) {
            const signal = AbortSignal.any([serving.signal, AbortSignal.timeout(idleMs)])
            const request = (await frames.read({ signal })).subarray()
            await frames.write(conversation.answer(request), { signal })
          }
          await stream.close()
        } catch (err) {
          // The other side ending the stream between two requests is the usual end.
          logger.trace({ err, peer }, 'a sync conversation ended')
          stream.abort(err instanceof Error ? err : new Error(String(err)))
        } finally {
          conversation.close()
        }
      }
      await libp2p.handle(syncProtocol, (stream, connection) => void onStream(stream, connection), {
        maxInboundStreams: streamsPerPeer,
        maxOutboundStreams: streamsPerPeer
      })
    },

    async unserve() {
      serving.abort()
      await libp2p.unhandle(syncProtocol)
    },

    onConnect(listener) {
      const onPeer = ({ detail }: CustomEvent<PeerId>): void => listener(detail.toString())
      libp2p.addEventListener('peer:connect', onPeer)
      return () => libp2p.removeEventListener('peer:connect', onPeer)
    }
  }
}
