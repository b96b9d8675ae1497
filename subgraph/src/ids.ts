import { BigInt, Bytes, ethereum } from '@graphprotocol/graph-ts'

/** `value` (0 or more) as `sizeBytes` bytes, big endian, so that ids of one width sort as numbers. */
export function bigEndian(value: BigInt, sizeBytes: i32): Bytes {
  const bytes = new Bytes(sizeBytes)
  // A BigInt is little endian, and may end with a zero byte that holds its sign.
  for (let i = 0; i < value.length && i < sizeBytes; i++) {
    bytes[sizeBytes - 1 - i] = value[i]
  }
  return bytes
}

/** The id of a Job. */
export function jobIdOf(jobId: BigInt): Bytes {
  return bigEndian(jobId, 32)
}

/** The id of what one log brought about. */
export function logIdOf(event: ethereum.Event): Bytes {
  return bigEndian(event.block.number, 8).concat(bigEndian(event.logIndex, 4))
}
