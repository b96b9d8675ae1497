import { ContentUnavailableError, NotFoundError } from '../../src/interface/index.js'
import { type ContentClientInit, getContent } from './content.js'

export interface ReadOptions {
  maxBytes: number
  signal: AbortSignal
  /** Multiaddr of the one node to ask. Default: all that are found. */
  via?: string
}

/**
 * The bytes at `ipfs://<cid>`, from the network's nodes and checked against the CID, or in a `data:` URI.
 * Throws ContentUnavailableError, ContentInvalidError, NotFoundError for a location of another kind.
 */
export type ReadContent = (location: string, options: ReadOptions) => Promise<Uint8Array>

const scheme = 'ipfs://'
/** Outputs are at several nodes before the chain tells of them: what is not had by then, nobody has. */
const timeoutMs = 60_000

/** Reads as a visitor of the network, who keeps nothing: each call is another visit. */
export function contentReader(init: Omit<ContentClientInit, 'via' | 'blocksPath'>): ReadContent {
  return async (location, { maxBytes, signal, via }) => {
    if (location.startsWith('data:')) {
      return readDataUri(location)
    }
    if (!location.startsWith(scheme)) {
      throw new NotFoundError(`The location ${location.slice(0, 200)} is read with other programs`)
    }
    const late = AbortSignal.timeout(timeoutMs)
    const cid = location.slice(scheme.length)
    try {
      const bytes = await getContent({ ...init, cid, maxBytes, via }, AbortSignal.any([signal, late]))
      return bytes ?? new Uint8Array()
    } catch (err) {
      if (!late.aborted || signal.aborted) {
        throw err
      }
      throw new ContentUnavailableError(
        `${location.slice(0, 200)} was not had within ${timeoutMs / 1_000} s: see that the nodes run which have it`,
        { cause: err }
      )
    }
  }
}

/** An output that went on chain whole. Throws NotFoundError. */
function readDataUri(location: string): Uint8Array {
  const [, base64] = /^data:[^,]{0,200};base64,([A-Za-z0-9+/]*={0,2})$/u.exec(location) ?? []
  if (base64 === undefined) {
    throw new NotFoundError('The output is a data: URI that is not in base64')
  }
  return Buffer.from(base64, 'base64')
}
