import { AbiCoder } from 'ethers'
import { FailureCode, type Hex, JobFailedError } from '../../src/interface/index.js'

/** ABI-encodes values of the given Solidity types. */
export function encodeAbi(types: string[], values: unknown[]): Hex {
  return AbiCoder.defaultAbiCoder().encode(types, values) as Hex
}

/** Throws JobFailedError(InvalidInput) where the bytes are not an encoding of these types. */
export function decodeAbi(types: string[], bytes: Uint8Array): unknown[] {
  try {
    // toArray() also raises what ethers defers until a value is read (strings that are not UTF-8).
    return AbiCoder.defaultAbiCoder().decode(types, bytes).toArray()
  } catch (err) {
    throw new JobFailedError(
      FailureCode.InvalidInput,
      `The ${bytes.length} bytes are not an ABI encoding of (${types.join(', ')})`,
      { cause: err }
    )
  }
}
