import { AbiCoder } from 'ethers'
import {
  type ExecutionRequest,
  FailureCode,
  type Job,
  JobFailedError,
  type OutputContent
} from '../../interface/index.js'

/** Gets inputs from one kind of place. Throws as JobContent.resolveInput. */
export type ResolveInput = (
  job: Pick<Job, 'key' | 'inputLocation' | 'input' | 'blockHash' | 'createdAtMs' | 'deadlineMs'>,
  input: Uint8Array,
  signal: AbortSignal
) => Promise<ExecutionRequest['input']>

/** Stores one file at one kind of place, and tells where. Throws as JobContent.storeOutput. */
export type StoreFile = (file: OutputContent, signal: AbortSignal) => Promise<string>

/** What locations and queries may have: Oracle.MAX_LOCATION_BYTES, which browsers and servers agree on, too. */
const maxLocationLength = 2_048

/** Reads `abi.encode(string)`. Throws JobFailedError(InvalidInput). */
export function decodeLocation(input: Uint8Array): string {
  let location: unknown
  try {
    // Also raises what ethers defers until a value is read: a string that is not UTF-8.
    ;[location] = AbiCoder.defaultAbiCoder().decode(['string'], input).toArray()
  } catch (err) {
    throw new JobFailedError(FailureCode.InvalidInput, 'The input is not abi.encode(string location)', {
      cause: err
    })
  }
  if (typeof location !== 'string' || location.length > maxLocationLength) {
    throw new JobFailedError(
      FailureCode.InvalidInput,
      `The location is longer than ${maxLocationLength} characters`
    )
  }
  return location
}

/** Content as its own location (RFC 2397), for what goes on chain whole. */
export function dataUri({ bytes, mediaType }: OutputContent): string {
  return `data:${mediaType};base64,${Buffer.from(bytes).toString('base64')}`
}
