import { exporter } from 'ipfs-unixfs-exporter'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { blockKey, keyOfBytes, parseCid, rawCidOfKey } from '../../../src/content/cid.js'
import { importContent } from '../../../src/interface/content-id.js'

const hello = Buffer.from('hello world\n')

describe('the border between two versions of multiformats', () => {
  it('behavior: a CID of the importer, as text, names the same bytes here', async () => {
    const cid = await importContent([hello], async (key, block) => {
      expect(blockKey(parseCid(key))).toBe(keyOfBytes(block))
    })
    // `ipfs add --cid-version 1 --raw-leaves` of the same.
    expect(cid).toBe('bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4')
    expect(rawCidOfKey(keyOfBytes(hello)).toString()).toBe(cid)
  })

  it('behavior: the exporter asks for keys that are the same here', async () => {
    const cid = rawCidOfKey(keyOfBytes(hello)).toString()
    const asked: string[] = []
    const store = {
      get: async function* (key: { multihash: { digest: Uint8Array } }) {
        asked.push(blockKey(key))
        yield hello
      }
    }
    await exporter(cid, store)
    expect(asked).toEqual([keyOfBytes(hello)])
  })

  it('behavior: both spellings of a CID name one block', () => {
    const v0 = parseCid('QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o')
    expect(blockKey(v0)).toBe(blockKey(parseCid(v0.toV1().toString())))
  })

  it('behavior: what is no CID, or of a hash or codec that is not used, is refused', () => {
    for (const text of [
      '',
      'hello',
      'b'.repeat(10_000),
      // SHA-512; dag-cbor; identity.
      'bafkrgqe3ohjcjplbpqpaflcylqjjvvd2c5xg3oqdrwiefdi56h2uoaxksjqafmjlbhcqk2xg3v3sqk6m2bsl3tnvxoq4c5cfuk5zsjnmz5jz5yi',
      'bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy',
      'bafkqaddimvwgy3zao5xxe3debi',
      // SHA-256, cut to a byte.
      CID.createV1(0x55, Digest.create(0x12, Uint8Array.of(7))).toString()
    ]) {
      expect(() => parseCid(text)).toThrow(expect.objectContaining({ code: 'BUFFALO_ERR_CONTENT_INVALID' }))
    }
  })
})
