import { createHash } from 'node:crypto'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import * as Digest from 'multiformats/hashes/digest'
import { sha256 } from 'multiformats/hashes/sha2'
import { ContentInvalidError } from '../interface/index.js'

/*
 * The border between two versions of multiformats. This project and libp2p use 14; bitswap, blockstore and UnixFS of Helia
 * use 13. A CID crosses as text: each side parses it for itself. Where one of ours is handed over, it is only read: its
 * bytes and its hash are laid out alike in both.
 */

/** Codec of a node of a UnixFS tree. */
export const dagPbCode = 0x70
/** A CIDv1 of SHA-256 has 59 characters; other spellings are a little longer. */
const maxTextLength = 128

/** Throws ContentInvalidError for what is not a CID of raw bytes or of a UnixFS tree, hashed with SHA-256. */
export function parseCid(text: string): CID {
  let cid: CID
  try {
    if (text.length > maxTextLength) throw new TypeError('too long')
    cid = CID.parse(text)
  } catch (err) {
    throw new ContentInvalidError(`${JSON.stringify(text.slice(0, maxTextLength))} is not a CID`, {
      cause: err
    })
  }
  // A shorter digest is no hash of anything.
  const isSha256 = cid.multihash.code === sha256.code && cid.multihash.digest.length === 32
  if (!isSha256 || (cid.code !== raw.code && cid.code !== dagPbCode)) {
    throw new ContentInvalidError(`The CID ${text} is not of raw bytes or a UnixFS tree with SHA-256`)
  }
  return cid
}

/** By what a block is kept: its hash. The codec says only how to read it. */
export function blockKey(cid: { multihash: { digest: Uint8Array } }): string {
  return Buffer.from(cid.multihash.digest).toString('hex')
}

export function keyOfBytes(block: Uint8Array): string {
  return createHash('sha256').update(block).digest('hex')
}

/** The CIDv1 of a block's bytes. */
export function rawCidOfKey(key: string): CID {
  return CID.createV1(raw.code, Digest.create(sha256.code, Buffer.from(key, 'hex')))
}
