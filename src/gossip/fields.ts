import type { Hex } from '../interface/index.js'
import { InvalidMessageError } from '../interface/index.js'
import { RejectError } from './validation/errors.js'

/** Bytes of a hash: SHA-256 or keccak256. */
export const hashBytes = 32
/** Bytes of an Ethereum address. */
export const addressBytes = 20

/** Received bytes of a fixed length as lowercase hex without `0x`. Throws RejectError for another length. */
export function readHash(bytes: Uint8Array, field: string): string {
  return readFixed(bytes, hashBytes, field)
}

/** Received bytes of a fixed length as lowercase hex with `0x`. Throws RejectError for another length. */
export function readHex(bytes: Uint8Array, sizeBytes: number, field: string): Hex {
  return `0x${readFixed(bytes, sizeBytes, field)}`
}

/** A received integer. Throws RejectError outside `least` to `most`, and for what a double cannot hold. */
export function readInteger(value: number, least: number, most: number, field: string): number {
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    throw new RejectError('value', `${field} must be an integer from ${least} to ${most}, not ${value}`)
  }
  return value
}

/** Hex, with or without `0x`, as bytes to send. Throws InvalidMessageError for what is not `sizeBytes` of hex. */
export function writeHex(hex: string, sizeBytes: number, field: string): Uint8Array {
  const digits = hex.startsWith('0x') ? hex.slice(2) : hex
  const bytes = Buffer.from(digits, 'hex')
  if (digits.length !== 2 * sizeBytes || bytes.byteLength !== sizeBytes) {
    throw new InvalidMessageError(`${field} must be ${sizeBytes} bytes of hex, not ${hex}`)
  }
  return bytes
}

/** An integer to send. Throws InvalidMessageError for what a receiver would reject. */
export function writeInteger(value: number, most: number, field: string): number {
  if (!Number.isSafeInteger(value) || value < 0 || value > most) {
    throw new InvalidMessageError(`${field} must be an integer from 0 to ${most}, not ${value}`)
  }
  return value
}

/** Decodes a payload. Throws RejectError where it is not the message. */
export function decodePayload<T>(codec: { decode(bytes: Uint8Array): T }, payload: Uint8Array): T {
  try {
    return codec.decode(payload)
  } catch (err) {
    throw new RejectError('schema', 'The payload is not a message of its topic', { cause: err })
  }
}

/** Throws RejectError for a batch without items: it costs a signature and says nothing. */
export function checkNotEmpty(items: unknown[]): void {
  if (items.length === 0) throw new RejectError('value', 'A batch must not be empty')
}

function readFixed(bytes: Uint8Array, sizeBytes: number, field: string): string {
  if (bytes.byteLength !== sizeBytes) {
    throw new RejectError('value', `${field} must be ${sizeBytes} bytes, not ${bytes.byteLength}`)
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}
