import { AbiCoder } from 'ethers'
import { delay } from '../interface/abort.js'
import {
  type Clock,
  DataLocation,
  type ExecutionRequest,
  FailureCode,
  type Job,
  JobFailedError,
  type Logger
} from '../interface/index.js'
import { type FetchInit, fetchLocation, TransientError, unavailable } from './https.js'
import { type LookupHost, systemLookup } from './public-address.js'

export interface ContentResolverInit {
  /** Of an input that lies elsewhere. Default 4 MiB, which every task takes. */
  maxBytes?: number
  /** For each try. Default 30,000: 4 MiB at 1 Mbit/s. */
  timeoutMs?: number
  /** Before the second and the third try. Default [500, 2,000]. */
  retryDelaysMs?: number[]
  /** Also takes `http:`, and addresses of this very machine: for tests and the local network only. Default false. */
  allowHttpLoopback?: boolean
  /** Default: the system's resolver. */
  lookupHost?: LookupHost
  /** PEM of a certificate authority to trust instead of the system's. */
  ca?: string
}

export interface ContentResolverComponents {
  logger: Logger
  clock: Clock
}

/** Gets the input of a job from where it lies. */
export interface ContentResolver {
  /** Throws JobFailedError; rejects with the signal's reason if it aborts. */
  resolveInput(
    job: Pick<Job, 'key' | 'inputLocation' | 'input'>,
    signal: AbortSignal
  ): Promise<ExecutionRequest['input']>
}

/** Browsers and servers agree on little more. */
const maxLocationLength = 2_048

type ResolveLocation = (input: Uint8Array, signal: AbortSignal) => Promise<ExecutionRequest['input']>

export function contentResolver(
  init: ContentResolverInit = {}
): (components: ContentResolverComponents) => ContentResolver {
  return ({ logger, clock }) => {
    const { timeoutMs = 30_000, retryDelaysMs = [500, 2_000] } = init
    const fetchInit: FetchInit = {
      maxBytes: init.maxBytes ?? 4 * 1024 * 1024,
      allowHttpLoopback: init.allowHttpLoopback ?? false,
      lookupHost: init.lookupHost ?? systemLookup,
      ca: init.ca
    }

    async function fetchHttps(input: Uint8Array, signal: AbortSignal): Promise<ExecutionRequest['input']> {
      const location = decodeLocation(input)
      for (let tries = 0; ; tries++) {
        try {
          return { encoding: 'content', bytes: await fetchInTime(location, signal) }
        } catch (err) {
          if (!(err instanceof TransientError)) {
            throw err
          }
          const delayMs = retryDelaysMs[tries]
          if (delayMs === undefined) {
            throw unavailable(location, err.message)
          }
          logger.debug({ err, location, delayMs }, 'The input cannot be fetched now: trying again')
          await delay(clock, delayMs, signal)
        }
      }
    }

    /** One try. */
    async function fetchInTime(location: string, signal: AbortSignal): Promise<Uint8Array> {
      const late = new AbortController()
      const timer = clock.schedule(timeoutMs, () =>
        late.abort(new TransientError(`no answer within ${timeoutMs} ms`))
      )
      try {
        return await fetchLocation(location, fetchInit, AbortSignal.any([signal, late.signal]))
      } finally {
        timer.cancel()
      }
    }

    /** One entry for each location that this version reads. */
    const resolvers = new Map<number, ResolveLocation>([
      [DataLocation.OnChain, async bytes => ({ encoding: 'abi', bytes })],
      [DataLocation.HTTPS, fetchHttps]
    ])

    return {
      async resolveInput(job, signal) {
        signal.throwIfAborted()
        const resolve = resolvers.get(job.inputLocation)
        if (resolve === undefined) {
          throw new JobFailedError(
            FailureCode.Unsupported,
            `Inputs at ${locationName(job.inputLocation)} are not supported: use OnChain or HTTPS`
          )
        }
        return resolve(Buffer.from(job.input.slice(2), 'hex'), signal)
      }
    }
  }
}

function locationName(location: number): string {
  const found = Object.entries(DataLocation).find(([, value]) => value === location)
  return found?.[0] ?? `the unknown location ${location}`
}

/** Throws JobFailedError(InvalidInput). */
function decodeLocation(input: Uint8Array): string {
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
