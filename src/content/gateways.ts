import type { BlockSource } from './download.js'
import { type FetchInit, fetchLocation } from './https.js'
import { contentLimits } from './limits.js'

/**
 * A gateway of IPFS as a source of blocks: `https://specs.ipfs.tech/http-gateways/trustless-gateway/`, block by block. What it
 * sends is checked like what a peer sends.
 */
export function gatewaySource(url: string, init: Omit<FetchInit, 'maxBytes'>): BlockSource {
  const base = url.replace(/\/+$/u, '')
  return {
    name: base,
    get: (cid, signal) =>
      fetchLocation(`${base}/ipfs/${cid}?format=raw`, { ...init, maxBytes: contentLimits.blockBytes }, signal)
  }
}
