import { ManifestError } from '../../../src/interface/index.js'

/**
 * Reads protobuf messages field by field, straight from a file: the weights in it are passed over and never loaded. Nothing
 * is allocated that the file's own bytes do not pay for.
 */
export interface Field {
  /** Of the field in its message. */
  number: number
  /** A varint, or a fixed 64-bit number, as an unsigned integer; undefined for bytes and fixed 32-bit numbers. */
  integer: bigint | undefined
  /** Where the value's bytes lie: those of a string, a message or packed numbers. */
  start: number
  end: number
}

/** Random access to the bytes of a model. */
export interface ByteSource {
  readonly sizeBytes: number
  /** At most `length` bytes; fewer at the end. */
  read(offset: number, length: number): Uint8Array
}

/** A varint has at most 10 bytes, a field's key at most 5. */
const maxVarintBytes = 10
const decoder = new TextDecoder()

export function bytesSource(bytes: Uint8Array): ByteSource {
  return { sizeBytes: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) }
}

/** The fields of the message in [start, end). Throws ManifestError where it is cut off or no protobuf. */
export function* readFields(source: ByteSource, start: number, end: number): Generator<Field> {
  let offset = start
  const varint = (): bigint => {
    const bytes = source.read(offset, Math.min(maxVarintBytes, end - offset))
    let value = 0n
    for (const [index, byte] of bytes.entries()) {
      value |= BigInt(byte & 0x7f) << BigInt(7 * index)
      if (byte < 0x80) {
        offset += index + 1
        return BigInt.asUintN(64, value)
      }
    }
    throw new ManifestError('it is no ONNX file, or only a part of one')
  }
  while (offset < end) {
    const key = varint()
    const number = Number(key >> 3n)
    let integer: bigint | undefined
    let length = 0
    switch (Number(key & 7n)) {
      case 0:
        integer = varint()
        break
      case 1:
        integer = new DataView(copyOf(source.read(offset, 8), 8)).getBigUint64(0, true)
        length = 8
        break
      case 2:
        length = Number(varint())
        break
      case 5:
        length = 4
        break
      default:
        throw new ManifestError('it is no ONNX file: it holds a group of fields')
    }
    if (number === 0 || length > end - offset) {
      throw new ManifestError('it is no ONNX file, or only a part of one')
    }
    yield { number, integer, start: offset, end: offset + length }
    offset += length
  }
}

function copyOf(bytes: Uint8Array, length: number): ArrayBuffer {
  const copy = new Uint8Array(length)
  copy.set(bytes)
  return copy.buffer
}

/** The text of a field, of which no more than `maxBytes` are read. */
export function readText(source: ByteSource, { start, end }: Field, maxBytes: number): string {
  return decoder.decode(source.read(start, Math.min(maxBytes, end - start)))
}

/** The integers of a repeated field, packed or not, as signed 64-bit numbers. At most `maxCount`, else a ManifestError. */
export function readIntegers(source: ByteSource, field: Field, maxCount: number): bigint[] {
  if (field.integer !== undefined) {
    return [BigInt.asIntN(64, field.integer)]
  }
  const values: bigint[] = []
  let offset = field.start
  while (offset < field.end) {
    let value = 0n
    let shift = 0n
    let byte = 0x80
    for (const next of source.read(offset, Math.min(maxVarintBytes, field.end - offset))) {
      byte = next
      offset++
      value |= BigInt(byte & 0x7f) << shift
      shift += 7n
      if (byte < 0x80) {
        break
      }
    }
    if (byte >= 0x80 || values.length === maxCount) {
      throw new ManifestError('it is no ONNX file: it holds a list of numbers that is broken or too long')
    }
    values.push(BigInt.asIntN(64, value))
  }
  return values
}
