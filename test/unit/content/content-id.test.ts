import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { chunkBytes, cidOfContent, cidOfFile, importContent } from '../../../src/interface/content-id.js'

const dagPb = 0x70
const rawCid = (bytes: Uint8Array): string =>
  CID.createV1(raw.code, Digest.create(0x12, createHash('sha256').update(bytes).digest())).toString()

describe('content ids', () => {
  it('behavior: a file of at most one block has the CID of its bytes', async () => {
    for (const size of [0, 1, 1000, chunkBytes]) {
      const bytes = new Uint8Array(size).fill(7)
      expect(await cidOfContent(bytes)).toBe(rawCid(bytes))
    }
  })

  it('behavior: a larger file is a tree of leaves of 1 MiB', async () => {
    const bytes = Buffer.alloc(2.5 * chunkBytes, 'content')
    const blocks = new Map<string, number>()
    const cid = await importContent([bytes], async (key, block) => {
      blocks.set(key, block.length)
    })
    const parsed = CID.parse(cid)
    expect([parsed.version, parsed.code]).toEqual([1, dagPb])
    expect(blocks.get(rawCid(bytes.subarray(2 * chunkBytes)))).toBe(chunkBytes / 2)
    expect(blocks.has(cid)).toBe(true)
  })

  it('behavior: leaves come in the order of the file', async () => {
    const bytes = Buffer.concat(Array.from({ length: 12 }, (_, at) => Buffer.alloc(chunkBytes, at + 1)))
    const leaves: (number | undefined)[] = []
    await importContent([bytes], async (_key, block) => {
      if (block.length === chunkBytes) leaves.push(block[0])
    })
    expect(leaves).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  })

  it('behavior: a file has the same CID, however it is read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'buffalo-content-id-'))
    try {
      const bytes = Buffer.alloc(3 * chunkBytes + 5, 'abc')
      const path = join(folder, 'file')
      await writeFile(path, bytes)
      const pieces = async function* (): AsyncGenerator<Uint8Array> {
        for (let at = 0; at < bytes.length; at += 70_001) yield bytes.subarray(at, at + 70_001)
      }
      const expected = await cidOfContent(bytes)
      expect(await cidOfFile(path)).toBe(expected)
      expect(await importContent(pieces(), async () => undefined)).toBe(expected)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
