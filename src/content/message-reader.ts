import type { Connection, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import { type Clock, ContentInvalidError, type Logger } from '../interface/index.js'
import { contentLimits } from './limits.js'
import { BitswapMessage } from './messages.js'

/*
 * Reads the messages of peers in place of Helia's bitswap, which decodes what fits into 4 MiB: two million entries of two bytes take
 * a gigabyte of memory and three seconds, and any stranger can send them. Here the fields of a message are counted before it is
 * decoded, and those of one peer in a second.
 */

interface Network {
  _onStream(stream: Stream, connection: Connection): void
  safeDispatchEvent(name: string, event: { detail: object }): boolean
}

/** Fields of messages that are messages themselves: of a message's want list the entries; its blocks and block presences. */
interface Nested {
  [field: number]: Nested
}
const messageFields: Nested = { 1: { 1: {} }, 3: {}, 4: {} }

/** How many fields a bitswap message has, those in it included. Throws ContentInvalidError above `most`, and for what is no message. */
export function countFields(message: Uint8Array, most: number): number {
  let at = 0
  let count = 0

  function varint(end: number): number {
    let value = 0
    for (let factor = 1; at < end && factor < 2 ** 49; factor *= 128) {
      const byte = message[at++] ?? 0
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    // Negative numbers take ten bytes: whatever they are, they are no length.
    for (let more = 0; at < end && more < 3; more++) if ((message[at++] ?? 0) < 0x80) return value
    throw new ContentInvalidError('The peer sent what is no bitswap message')
  }

  function walk(end: number, nested: Nested): void {
    while (at < end) {
      if (++count > most) throw new ContentInvalidError(`The peer sent a message of more than ${most} fields`)
      const key = varint(end)
      const type = key % 8
      if (type === 0) {
        varint(end)
        continue
      }
      const length = type === 2 ? varint(end) : type === 1 ? 8 : type === 5 ? 4 : Number.NaN
      const fieldEnd = at + length
      // Not above it: also for what is no number.
      if (!(fieldEnd <= end)) throw new ContentInvalidError('The peer sent what is no bitswap message')
      const inner = type === 2 ? nested[Math.floor(key / 8)] : undefined
      if (inner !== undefined) walk(fieldEnd, inner)
      at = fieldEnd
    }
  }

  walk(message.length, messageFields)
  return count
}

/** Of a stream: what libp2p hands over at once at most. */
const windowBytes = 1024 * 1024

/** Fields that peers have sent in the current second. */
interface Spent {
  sinceMs: number
  fields: number
}

export interface MessageReaderComponents {
  clock: Clock
  logger: Logger
}

/**
 * Takes charge of how a bitswap reads, before it is started. A stream with a message that is too large, holds too much, or comes too soon
 * after others is broken off.
 * @returns forgets a peer that has gone. Throws TypeError for a bitswap that is not built like 3.2.
 */
export function boundReading(
  bitswap: object,
  { clock, logger }: MessageReaderComponents
): (peer: string) => void {
  const { messageBytes, messageFields: most, fieldsPerSecond, sendTimeoutMs } = contentLimits
  const network = networkOf(bitswap)
  const spent = new Map<string, Spent>()

  /** Counts the fields of a message. Not even that is done for a peer that has sent too many in this second. */
  function check(peer: string, message: Uint8Array): void {
    const nowMs = clock.now()
    const known = spent.get(peer)
    const current =
      known !== undefined && Math.abs(nowMs - known.sinceMs) < 1_000 ? known : { sinceMs: nowMs, fields: 0 }
    spent.set(peer, current)
    if (current.fields > fieldsPerSecond) {
      throw new ContentInvalidError(`The peer sent more than ${fieldsPerSecond} fields within a second`)
    }
    // What it costs to find that there are more.
    let fields: number = most
    try {
      fields = countFields(message, most)
    } finally {
      current.fields += fields
    }
  }

  async function read(stream: Stream, connection: Connection): Promise<void> {
    const { remotePeer } = connection
    // A sender may have written the next message already, as far as its window goes.
    const frames = lpStream(stream, {
      maxDataLength: messageBytes,
      maxLengthLength: 4,
      maxBufferSize: messageBytes + windowBytes
    })
    try {
      // Answers go by streams of their own.
      await stream.close({ signal: AbortSignal.timeout(sendTimeoutMs) })
      for (;;) {
        const bytes = (await frames.read({ signal: AbortSignal.timeout(sendTimeoutMs) })).subarray()
        check(remotePeer.toString(), bytes)
        const message = BitswapMessage.decode(bytes)
        network.safeDispatchEvent('bitswap:message', { detail: { peer: remotePeer, message, connection } })
      }
    } catch (err) {
      if (err instanceof Error && err.name === 'UnexpectedEOFError') return
      logger.debug({ err, peer: remotePeer.toString() }, 'a message of a peer could not be read')
      stream.abort(err instanceof Error ? err : new Error(String(err)))
    }
  }

  network._onStream = (stream, connection) => void read(stream, connection)
  return peer => spent.delete(peer)
}

function networkOf(bitswap: object): Network {
  const network: unknown = Reflect.get(bitswap, 'network')
  if (isNetwork(network)) return network
  throw new TypeError('This version of @helia/bitswap reads elsewhere: adapt src/content/message-reader.ts')
}

function isNetwork(value: unknown): value is Network {
  return (
    typeof value === 'object' &&
    value !== null &&
    '_onStream' in value &&
    typeof value._onStream === 'function' &&
    'safeDispatchEvent' in value &&
    typeof value.safeDispatchEvent === 'function'
  )
}
