import type { JWKInterface } from 'arweave/node/lib/wallet.js'
import {
  ContentUnavailableError,
  DataLocation,
  FailureCode,
  type Job,
  type JobContent,
  JobFailedError,
  type OutputContent,
  OutputFormat
} from '../interface/index.js'
import type { Content } from './content.js'
import type { Copies } from './copies.js'
import { arweaveOutput } from './locations/arweave.js'
import { ipfsOutput } from './locations/ipfs.js'
import { dataUri, type StoreFile } from './locations/location.js'
import { tokenMetadata } from './locations/token-metadata.js'
import { defaultArweaveGateway } from './resolver.js'

export interface OutputStoreInit {
  /** Default: https://arweave.net. */
  arweaveGateway?: string | undefined
  /** The wallet that pays for uploads. Without it, outputs for Arweave are left to others. */
  arweaveWallet?: JWKInterface | undefined
  /** Of a location that is its content, as it goes on chain. Default 64 KiB: as of other outputs. */
  maxOnChainBytes?: number
}

export interface OutputStoreComponents {
  /** Without it, outputs for IPFS are left to others. */
  content?: Pick<Content, 'add'> | undefined
  copies?: Pick<Copies, 'spread'> | undefined
}

/** Stores the outputs of jobs where they are to go. */
export type OutputStore = Pick<JobContent, 'storeOutput'>

export function outputStore(init: OutputStoreInit = {}): (components: OutputStoreComponents) => OutputStore {
  return ({ content, copies }) => {
    const { arweaveGateway = defaultArweaveGateway, arweaveWallet, maxOnChainBytes = 64 * 1024 } = init

    /** Carried by the event, where anyone reads it, the subgraph included. */
    const onChain: StoreFile = async file => {
      const location = dataUri(file)
      if (location.length > maxOnChainBytes) {
        throw new JobFailedError(
          FailureCode.OutputTooLarge,
          `The output has ${location.length} bytes on chain: at most ${maxOnChainBytes} are taken`
        )
      }
      return location
    }

    function missing(what: string): StoreFile {
      return async () => {
        throw new ContentUnavailableError(
          `This node stores no outputs at ${what}: it was not given the means`
        )
      }
    }

    /** One entry for each location of the contracts' enum. */
    const stores = new Map<number, StoreFile>([
      [DataLocation.OnChain, onChain],
      [DataLocation.TheGraph, onChain],
      [
        DataLocation.IPFS,
        content === undefined || copies === undefined ? missing('IPFS') : ipfsOutput(content, copies)
      ],
      [
        DataLocation.Arweave,
        arweaveWallet === undefined ? missing('Arweave') : arweaveOutput(arweaveGateway, arweaveWallet)
      ]
    ])

    function storeOf({ outputLocation, outputFormat }: Job): StoreFile {
      const store = stores.get(outputLocation)
      if (store === undefined) {
        throw new JobFailedError(
          FailureCode.Unsupported,
          `Outputs at the unknown location ${outputLocation} are not supported`
        )
      }
      if (outputFormat !== OutputFormat.Raw && outputFormat !== OutputFormat.NFTMeta) {
        throw new JobFailedError(
          FailureCode.Unsupported,
          `The output format ${outputFormat} is not supported`
        )
      }
      return store
    }

    return {
      async storeOutput(job: Job, output: OutputContent, signal: AbortSignal) {
        signal.throwIfAborted()
        const store = storeOf(job)
        const location = await store(output, signal)
        return job.outputFormat === OutputFormat.NFTMeta
          ? store(tokenMetadata(job, location), signal)
          : location
      }
    }
  }
}
