/** What a chunk of a gossipsub stream held. */
export interface Frames {
  /** Fields of RPCs: each is a message, a subscription, or all control messages of its RPC. */
  fields: number
  /** RPCs that began in it. */
  frames: number
  /** The bytes are no RPCs, or one is longer than it may be. Nothing can be read after that. */
  isBroken: boolean
}

type State = 'frame-length' | 'tag' | 'varint-value' | 'field-length'

/** Protobuf's wire types with a value: varint, 64 bits, length-delimited, 32 bits. */
const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5
/** Of a length: five hold 35 bits. */
const MAX_LENGTH_BYTES = 5
/** Of a varint that is skipped: 64 bits take ten. */
const MAX_VARINT_BYTES = 10

/** The types of known fields by number. Outermost ones may be messages, whose fields count as well. */
export interface Fields {
  [field: number]: 'varint' | 'bytes' | Fields
}

export interface FrameReaderInit {
  /** Of one frame, at most. Default: any number. */
  maximalFields?: number
  /**
   * Decoders go by a field's number alone: where one came as another type, what follows would be read otherwise here. It is broken.
   * Default: none are known.
   */
  known?: Fields
}

/**
 * Reads along a stream of length-prefixed RPCs, whatever the chunks are, without keeping any of it: only the outermost
 * fields are looked at, and what they hold is skipped. Unknown fields are let through, as later versions may have some.
 */
export function frameReader(
  maximalFrameBytes: number,
  { maximalFields = Number.POSITIVE_INFINITY, known = {} }: FrameReaderInit = {}
): { read(chunk: Uint8Array): Frames } {
  let state: State = 'frame-length'
  let isBroken = false
  /** The number that is being read, and how many bytes of it were. */
  let value = 0
  let valueBytes = 0
  let frameLeft = 0
  let skipLeft = 0
  let fields = 0
  let frames = 0
  let fieldsOfFrame = 0
  /** Of a frame, what is left after the message that is being read within it; undefined outside of one. */
  let leftAfter: number | undefined
  /** What is known of the fields at hand, and of those in the field that is being read, if it is a message. */
  let level = known
  let inner: Fields | undefined

  /** The number that ends with this byte; undefined if it goes on. */
  function number(byte: number, maximalBytes: number): number | undefined {
    value += (byte & 0x7f) * 2 ** (7 * valueBytes)
    valueBytes++
    if ((byte & 0x80) !== 0) {
      if (valueBytes >= maximalBytes) isBroken = true
      return undefined
    }
    const complete = value
    value = 0
    valueBytes = 0
    return complete
  }

  function skip(bytes: number): void {
    if (bytes > frameLeft - (leftAfter ?? 0)) isBroken = true
    skipLeft = bytes
    state = 'tag'
  }

  function enter(bytes: number, fields: Fields): void {
    if (bytes > frameLeft) isBroken = true
    state = 'tag'
    if (bytes === 0) return
    leftAfter = frameLeft - bytes
    level = fields
  }

  function leave(): void {
    leftAfter = undefined
    level = known
  }

  function onTag(tag: number): void {
    fields++
    fieldsOfFrame++
    // Of more than 32 bits, decoders drop the upper ones.
    if (tag < 8 || tag >= 2 ** 32 || fieldsOfFrame > maximalFields) isBroken = true
    const wireType = tag & 7
    const field = level[tag >>> 3]
    if (field !== undefined && wireType !== (field === 'varint' ? VARINT : BYTES)) isBroken = true
    inner = typeof field === 'object' && leftAfter === undefined ? field : undefined
    switch (wireType) {
      case VARINT:
        state = 'varint-value'
        break
      case FIXED64:
        skip(8)
        break
      case BYTES:
        state = 'field-length'
        break
      case FIXED32:
        skip(4)
        break
      default:
        isBroken = true
    }
  }

  function onByte(byte: number): void {
    if (state === 'frame-length') {
      const length = number(byte, MAX_LENGTH_BYTES)
      if (length === undefined) return
      if (length > maximalFrameBytes) isBroken = true
      frames++
      frameLeft = length
      fieldsOfFrame = 0
      state = length === 0 ? 'frame-length' : 'tag'
      return
    }
    frameLeft--
    const complete = number(byte, state === 'varint-value' ? MAX_VARINT_BYTES : MAX_LENGTH_BYTES)
    // A message that ends within a number, or before the value of its last field.
    if (
      frameLeft === (leftAfter ?? 0) &&
      (complete === undefined || (state === 'tag' && complete !== undefined))
    )
      isBroken = true
    if (complete === undefined || isBroken) return
    if (state === 'tag') onTag(complete)
    else if (state !== 'field-length') state = 'tag'
    else if (inner !== undefined) enter(complete, inner)
    else skip(complete)
  }

  return {
    read(chunk) {
      fields = 0
      frames = 0
      let at = 0
      while (at < chunk.byteLength && !isBroken) {
        if (skipLeft > 0) {
          const skipped = Math.min(skipLeft, chunk.byteLength - at)
          at += skipped
          skipLeft -= skipped
          frameLeft -= skipped
        } else {
          onByte(chunk[at] ?? 0)
          at++
        }
        if (frameLeft === leftAfter && skipLeft === 0) leave()
        if (frameLeft === 0 && skipLeft === 0 && state === 'tag') state = 'frame-length'
      }
      return { fields, frames, isBroken }
    }
  }
}
