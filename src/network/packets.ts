import type { ConnectionEncrypter, MessageStream, StreamMuxerFactory } from '@libp2p/interface'
import { AbstractMultiaddrConnection, AbstractStreamMuxer, LengthPrefixedDecoder } from '@libp2p/utils'
import { StreamState, YamuxStream } from '@libp2p/yamux/stream'
import { Uint8ArrayList } from 'uint8arraylist'

// A small gossip message left a node in two packets and was answered by two more, each a system call here and a wake-up
// there: three of four said nothing of the message. Both are mended where libp2p lets one, at its own interfaces.

/**
 * A receiver tells the sender of new room in its window once it has read half of the smallest window (256 KiB, by the
 * specification of yamux), as Hashicorp's own yamux does. libp2p's tells it after each frame.
 */
const WINDOW_UPDATE_BYTES = 128 * 1024

/** Encryption whose frames leave in one packet each: noise hands the transport length and content apart. */
export function wholeFrames<Components>(
  encrypter: (components: Components) => ConnectionEncrypter
): (components: Components) => ConnectionEncrypter {
  return components => {
    const inner = encrypter(components)
    const secureInbound = inner.secureInbound.bind(inner)
    const secureOutbound = inner.secureOutbound.bind(inner)
    inner.secureInbound = async (connection, options) =>
      quietDecoder(await secureInbound(joined(connection), options))
    inner.secureOutbound = async (connection, options) =>
      quietDecoder(await secureOutbound(joined(connection), options))
    return inner
  }
}

/** What is sent in one go is given to the transport in one piece. */
function joined<Stream extends MessageStream>(connection: Stream): Stream {
  if (!(connection instanceof AbstractMultiaddrConnection)) return connection
  const sendData = connection.sendData.bind(connection)
  const sendClose = connection.sendClose.bind(connection)
  let waiting = new Uint8ArrayList()

  function flush(): void {
    if (waiting.byteLength === 0) return
    const data = waiting
    waiting = new Uint8ArrayList()
    if (connection.status !== 'open' && connection.status !== 'closing') return
    const { canSendMore } = sendData(new Uint8ArrayList(data.subarray()))
    if (!canSendMore) connection.writableNeedsDrain = true
  }

  connection.sendData = data => {
    if (waiting.byteLength === 0) queueMicrotask(flush)
    const sentBytes = data.byteLength
    waiting.append(data)
    return { sentBytes, canSendMore: true }
  }
  connection.sendClose = options => {
    flush()
    return sendClose(options)
  }
  return connection
}

/** A frame's length, or of a frame that is not there yet: more than noise allows, and less than the decoder refuses. */
const NO_FRAME_BYTES = 1 << 16

/**
 * After the last frame of a packet noise's decoder asks for the length of a next one, and has it throw an error as there is
 * none: with its stack that takes a twentieth of all time.
 */
function quietDecoder<Secured extends { connection: MessageStream }>(secured: Secured): Secured {
  const decoder: unknown = Reflect.get(secured.connection, 'decoder')
  if (!(decoder instanceof LengthPrefixedDecoder)) return secured
  const decodeLength: unknown = Reflect.get(decoder, 'lengthDecoder')
  if (typeof decodeLength !== 'function') return secured
  const lengthDecoder = (data: Uint8ArrayList): unknown =>
    data.byteLength < 2 ? NO_FRAME_BYTES : decodeLength(data)
  Reflect.set(decoder, 'lengthDecoder', lengthDecoder)
  return secured
}

/** A muxer that tells of new room in a window only when it matters. */
export function rareWindowUpdates<Components>(
  muxers: (components: Components) => StreamMuxerFactory
): (components: Components) => StreamMuxerFactory {
  return components => {
    const factory = muxers(components)
    const createStreamMuxer = factory.createStreamMuxer.bind(factory)
    factory.createStreamMuxer = connection => {
      const muxer = createStreamMuxer(connection)
      if (muxer instanceof AbstractStreamMuxer) {
        const onRemoteStream = muxer.onRemoteStream.bind(muxer)
        muxer.onRemoteStream = stream => onRemoteStream(quiet(stream))
        const onCreateStream = muxer.onCreateStream.bind(muxer)
        muxer.onCreateStream = async options => quiet(await onCreateStream(options))
      }
      return muxer
    }
    return factory
  }
}

function quiet<Stream>(stream: Stream): Stream {
  if (!(stream instanceof YamuxStream)) return stream
  const handleData = stream.handleData.bind(stream)
  const sendWindowUpdate = stream.sendWindowUpdate.bind(stream)
  let untoldBytes = 0
  stream.handleData = frame => {
    untoldBytes += frame.header.length
    handleData(frame)
  }
  stream.sendWindowUpdate = () => {
    // Before it is established, the update carries the flag that establishes the stream.
    if (stream.state === StreamState.Established && untoldBytes < WINDOW_UPDATE_BYTES) return
    // A paused stream keeps silent, and remembers.
    if (stream.state !== StreamState.Paused) untoldBytes = 0
    sendWindowUpdate()
  }
  return stream
}
