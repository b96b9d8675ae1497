import {
  type Clock,
  ContentUnavailableError,
  DataLocation,
  FailureCode,
  type JobContent,
  JobFailedError,
  type Logger
} from '../interface/index.js'
import type { Content } from './content.js'
import { TransientError, unavailable } from './https.js'
import { arweaveInput } from './locations/arweave.js'
import { fetcher, retrying } from './locations/fetcher.js'
import { ipfsInput } from './locations/ipfs.js'
import { decodeLocation, type ResolveInput } from './locations/location.js'
import { theGraphInput } from './locations/the-graph.js'
import { type LookupHost, systemLookup } from './public-address.js'

export interface ContentResolverInit {
  /** Of an input that lies elsewhere. Default 4 MiB, which every task takes. */
  maxBytes?: number
  /** For each try. Default 30,000: 4 MiB at 1 Mbit/s. */
  timeoutMs?: number
  /** Before the second and the third try. Default [500, 2,000]. */
  retryDelaysMs?: number[]
  /**
   * How old a job is before an input that this worker cannot get fails it: until then it is left to others, who may reach what
   * this worker does not. For inputs of networks (IPFS, Arweave, the subgraph); what is gone from a web server is gone for
   * all. Default 60,000.
   */
  graceMs?: number
  /** Also takes `http:`, and addresses of this very machine: for tests and the local network only. Default false. */
  allowHttpLoopback?: boolean
  /** Default: the system's resolver. */
  lookupHost?: LookupHost
  /** PEM of a certificate authority to trust instead of the system's. */
  ca?: string
  /** Default: https://arweave.net. */
  arweaveGateway?: string | undefined
  /** The network's subgraph. Without it, inputs from TheGraph are left to others. */
  subgraphUrl?: string | undefined
}

export interface ContentResolverComponents {
  logger: Logger
  clock: Clock
  /** Without it, inputs from IPFS are left to others. */
  content?: Pick<Content, 'read'> | undefined
}

/** Gets the input of a job from where it lies. */
export interface ContentResolver {
  /**
   * Throws JobFailedError for what is the job's own fault, ContentUnavailableError for what another worker may get; rejects
   * with the signal's reason if it aborts.
   */
  resolveInput(job: Parameters<ResolveInput>[0], signal: AbortSignal): ReturnType<JobContent['resolveInput']>
}

export const defaultArweaveGateway = 'https://arweave.net'

export function contentResolver(
  init: ContentResolverInit = {}
): (components: ContentResolverComponents) => ContentResolver {
  return ({ logger, clock, content }) => {
    const { timeoutMs = 30_000, retryDelaysMs = [500, 2_000], maxBytes = 4 * 1024 * 1024 } = init
    const fetchInit = {
      timeoutMs,
      maxBytes,
      allowHttpLoopback: init.allowHttpLoopback ?? false,
      lookupHost: init.lookupHost ?? systemLookup,
      ca: init.ca
    }
    const fetch = fetcher({ ...fetchInit, retryDelaysMs }, { clock, logger })
    const fetchOnce = fetcher({ ...fetchInit, retryDelaysMs: [] }, { clock, logger })

    const https: ResolveInput = async (_job, input, signal) => {
      const location = decodeLocation(input)
      try {
        return { encoding: 'content', bytes: await fetch(location, signal) }
      } catch (err) {
        throw err instanceof TransientError ? unavailable(location, err.message) : err
      }
    }

    /** Tries again, then leaves the job to others for as long as it is young. */
    function patient(resolve: ResolveInput): ResolveInput {
      return async (job, input, signal) => {
        try {
          const about = { retryDelaysMs, location: job.key }
          return await retrying(ending => resolve(job, input, ending), about, { clock, logger }, signal)
        } catch (err) {
          if (!(err instanceof TransientError)) throw err
          const graceMs = Math.min(init.graceMs ?? 60_000, (job.deadlineMs - job.createdAtMs) / 2)
          if (clock.now() - job.createdAtMs >= graceMs) {
            const reason = `The input cannot be had: ${err.message.slice(0, 300)}`
            throw new JobFailedError(FailureCode.InputUnavailable, reason, { cause: err })
          }
          throw new ContentUnavailableError(`The input of a job cannot be had here: ${err.message}`, {
            cause: err
          })
        }
      }
    }

    function missing(what: string): ResolveInput {
      return async () => {
        throw new ContentUnavailableError(`This node reads no inputs from ${what}: it was not told where`)
      }
    }

    const { subgraphUrl, arweaveGateway = defaultArweaveGateway } = init
    /** One entry for each location of the contracts' enum. */
    const resolvers = new Map<number, ResolveInput>([
      [DataLocation.OnChain, async (_job, bytes) => ({ encoding: 'abi', bytes })],
      [DataLocation.HTTPS, https],
      [
        DataLocation.IPFS,
        content === undefined ? missing('IPFS') : patient(ipfsInput(content, { maxBytes }))
      ],
      [DataLocation.Arweave, patient(arweaveInput(arweaveGateway, fetchOnce))],
      [
        DataLocation.TheGraph,
        subgraphUrl === undefined
          ? missing('TheGraph')
          : patient(theGraphInput({ url: subgraphUrl, maxBytes, timeoutMs }))
      ]
    ])

    return {
      async resolveInput(job, signal) {
        signal.throwIfAborted()
        const resolve = resolvers.get(job.inputLocation)
        if (resolve === undefined) {
          throw new JobFailedError(
            FailureCode.Unsupported,
            `Inputs at the unknown location ${job.inputLocation} are not supported`
          )
        }
        return resolve(job, Buffer.from(job.input.slice(2), 'hex'), signal)
      }
    }
  }
}
