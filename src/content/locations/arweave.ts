import Arweave from 'arweave'
import type { JWKInterface } from 'arweave/node/lib/wallet.js'
import { abortable } from '../../interface/abort.js'
import { ContentUnavailableError, FailureCode, JobFailedError } from '../../interface/index.js'
import type { Fetcher } from './fetcher.js'
import { decodeLocation, type ResolveInput, type StoreFile } from './location.js'

/** 32 bytes in base64url. */
const transactionId = /^(?:ar:\/\/)?([\w-]{43})$/u
/** What one upload may cost, in winston (10^-12 AR): 16 MiB take a third of it. A gateway that asks for more is not paid. */
const maxRewardWinston = 500_000_000_000n

/**
 * Inputs at `ar://<transaction id>`, the id alone, or a gateway's `https://` URL. What the gateway says is believed.
 * Throws TransientError for what cannot be had now.
 */
export function arweaveInput(gateway: string, fetch: Fetcher): ResolveInput {
  const base = gateway.replace(/\/+$/u, '')
  return async (_job, input, signal) => {
    const location = decodeLocation(input)
    const [, id] = transactionId.exec(location) ?? []
    if (id === undefined && !/^https?:/u.test(location)) {
      throw new JobFailedError(FailureCode.InvalidInput, 'The location must be ar://<transaction id>')
    }
    return {
      encoding: 'content',
      bytes: await fetch(id === undefined ? location : `${base}/${id}`, signal)
    }
  }
}

/** Uploads outputs with a wallet that pays for them. They can be read some minutes later, once they are mined. */
export function arweaveOutput(gateway: string, wallet: JWKInterface): StoreFile {
  const { protocol, hostname, port } = new URL(gateway)
  const arweave = Arweave.init({
    host: hostname,
    protocol: protocol.replace(':', ''),
    port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)
  })

  async function upload(bytes: Uint8Array, mediaType: string, signal: AbortSignal): Promise<string> {
    const transaction = await arweave.createTransaction({ data: bytes }, wallet)
    if (BigInt(transaction.reward) > maxRewardWinston) {
      throw new ContentUnavailableError(
        `The Arweave gateway ${gateway} asks for ${transaction.reward} winston for ${bytes.length} bytes: at most ${maxRewardWinston} are paid`
      )
    }
    transaction.addTag('Content-Type', mediaType)
    await arweave.transactions.sign(transaction, wallet)
    const uploader = await arweave.transactions.getUploader(transaction)
    while (!uploader.isComplete) {
      signal.throwIfAborted()
      await uploader.uploadChunk()
      // It would wait 40 seconds before it tries again: others may have the job by then.
      if (uploader.lastResponseError !== '') throw new TypeError(uploader.lastResponseError)
    }
    return `ar://${transaction.id}`
  }

  return async ({ bytes, mediaType }, signal) => {
    signal.throwIfAborted()
    try {
      return await abortable(upload(bytes, mediaType, signal), signal)
    } catch (err) {
      signal.throwIfAborted()
      if (err instanceof ContentUnavailableError) throw err
      throw new ContentUnavailableError(
        `The Arweave gateway ${gateway} does not take the output: ${String(err)}`,
        { cause: err }
      )
    }
  }
}
