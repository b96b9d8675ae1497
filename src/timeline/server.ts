import type { Connection, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import { rateLimiter, tokenBucket } from '../gossip/rate-limit.js'
import type { Clock } from '../interface/clock.js'
import type { Logger } from '../interface/logger.js'
import type { Startable } from '../interface/startable.js'
import { readRequest, type TimelineAnswer, timelineProtocol, writeFrame } from './frames.js'
import { frameLimits, serveLimits } from './limits.js'
import type { Timeline } from './timeline.js'

/** Of libp2p: where protocols are registered. */
export interface StreamRegistrar {
  handle(
    protocol: string,
    handler: (stream: Stream, connection: Connection) => Promise<void>,
    options: { maxInboundStreams: number }
  ): Promise<void>
  unhandle(protocol: string): Promise<void>
}

export interface TimelineServerComponents {
  libp2p: StreamRegistrar
  timeline: Pick<Timeline, 'read'>
  clock: Clock
  logger: Logger
}

/** Tells whoever asks what this node saw of a job: all of it went over the network, or lies on chain, in any case. */
export function timelineServer(init: {
  role: TimelineAnswer['role']
}): (components: TimelineServerComponents) => Startable {
  return ({ libp2p, timeline, clock, logger }) => {
    const perPeer = rateLimiter(serveLimits.peer, serveLimits.peers)({ clock })
    const inAll = tokenBucket(serveLimits.all)({ clock })
    const streams = new Set<Stream>()
    let started = false

    async function serve(stream: Stream, peer: string): Promise<void> {
      const signal = AbortSignal.timeout(serveLimits.streamMs)
      const frames = lpStream(stream, {
        maxDataLength: frameLimits.requestBytes,
        // One request at a time: who sends ahead loses the stream.
        maxBufferSize: 4 * frameLimits.requestBytes
      })
      for (let count = 0; count < frameLimits.requests; count++) {
        const bytes = await frames.read({ signal })
        const receivedAtMs = clock.now()
        const { job, after } = readRequest(bytes.subarray())
        const head = { receivedAtMs, role: init.role }
        // Rule: who asks too often is told so, once.
        if (!perPeer.take(peer) || !inAll.take(1)) {
          await frames.write(writeFrame({ ...head, sentAtMs: clock.now(), busy: true }), { signal })
          break
        }
        const page = job === undefined ? undefined : await timeline.read(job, after)
        await frames.write(
          writeFrame({ ...head, sentAtMs: clock.now(), ...(page === undefined ? {} : { page }) }),
          { signal }
        )
      }
      await stream.close({ signal })
    }

    async function onStream(stream: Stream, connection: Connection): Promise<void> {
      const peer = connection.remotePeer.toString()
      streams.add(stream)
      try {
        await serve(stream, peer)
      } catch (err) {
        // The asker ends it when it has heard enough: that reads like an error here.
        logger.debug({ err, peer }, 'a timeline stream ended')
        stream.abort(err instanceof Error ? err : new Error(String(err)))
      } finally {
        streams.delete(stream)
      }
    }

    return {
      async start() {
        if (started) return
        started = true
        await libp2p.handle(timelineProtocol, onStream, {
          maxInboundStreams: serveLimits.streamsPerConnection
        })
      },
      async stop() {
        if (!started) return
        started = false
        await libp2p.unhandle(timelineProtocol)
        for (const stream of streams) stream.abort(new Error('The node stops'))
      }
    }
  }
}
