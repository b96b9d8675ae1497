import { crc32 } from 'node:zlib'
import { DatabaseCorruptError } from '../interface/errors.js'

/** Layout of a stored value: 1 byte format version, 4 bytes CRC-32 of the rest, then UTF-8 JSON. */
const FORMAT_VERSION = 1
const HEADER_SIZE_BYTES = 5

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

/** A stored value: versioned and checksummed, so that damage is seen and not believed. `bigint`s must be strings. */
export function encodeRecord(value: unknown): Uint8Array {
  const body = encoder.encode(JSON.stringify(value))
  const bytes = new Uint8Array(HEADER_SIZE_BYTES + body.length)
  bytes[0] = FORMAT_VERSION
  new DataView(bytes.buffer).setUint32(1, crc32(body))
  bytes.set(body, HEADER_SIZE_BYTES)
  return bytes
}

/** The value that `encodeRecord` stored. Throws DatabaseCorruptError, naming `what`, for anything else. */
export function decodeRecord<T>(bytes: Uint8Array, what: string): T {
  const body = bytes.subarray(HEADER_SIZE_BYTES)
  if (bytes.length < HEADER_SIZE_BYTES || bytes[0] !== FORMAT_VERSION) {
    throw new DatabaseCorruptError(
      `Stored ${what}: unknown format; was the data directory written by a newer version?`
    )
  }
  if (new DataView(bytes.buffer, bytes.byteOffset).getUint32(1) !== crc32(body)) {
    throw new DatabaseCorruptError(`Stored ${what}: the checksum does not fit, the data directory is damaged`)
  }
  return JSON.parse(decoder.decode(body)) as T
}

/** What is wrong with a stored value, as far as its header and checksum tell; undefined where nothing is. */
export function recordDamage(bytes: Uint8Array): string | undefined {
  if (bytes.length < HEADER_SIZE_BYTES) return 'it is too short'
  if (bytes[0] !== FORMAT_VERSION) return `its format is ${bytes[0]}, which is unknown`
  const checksum = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1)
  return checksum === crc32(bytes.subarray(HEADER_SIZE_BYTES)) ? undefined : 'its checksum does not fit'
}
