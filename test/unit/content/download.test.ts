import * as dagPb from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { expect, it } from 'vitest'
import { createBlockStore } from '../../../src/content/block-store.js'
import { blockKey, keyOfBytes, parseCid, rawCidOfKey } from '../../../src/content/cid.js'
import { type BlockSource, download } from '../../../src/content/download.js'
import { importContent } from '../../../src/interface/content-id.js'
import { systemClock } from '../../../src/interface/index.js'
import { silentLogger } from '../../helpers/silent-logger.js'
import { distinctBytes } from './content-nodes.js'

const components = { clock: systemClock, logger: silentLogger() }
const signal = new AbortController().signal

/** A source that has all blocks of the map. */
function source(name: string, blocks: Map<string, Uint8Array>, asked: string[] = []): BlockSource {
  return {
    name,
    async get(cid) {
      asked.push(cid)
      const block = blocks.get(blockKey(parseCid(cid)))
      if (block === undefined) throw new Error('It has it not')
      return block
    }
  }
}

async function fileOf(bytes: Uint8Array): Promise<{ cid: string; blocks: Map<string, Uint8Array> }> {
  const blocks = new Map<string, Uint8Array>()
  const cid = await importContent([bytes], async (_cid, block) => {
    blocks.set(keyOfBytes(block), block)
  })
  return { cid, blocks }
}

async function fetch(cid: string, sources: BlockSource[], maxBytes = 50_000_000) {
  const blocks = await createBlockStore({ quotaBytes: 100_000_000 }, components)
  await download(
    { cid, maxBytes, signal, search: async add => sources.forEach(add) },
    { blocks, ...components }
  )
  return blocks
}

/** A node of a tree, as anyone may write it. */
function node(links: string[], sizeBytes = 0): { cid: string; block: Uint8Array } {
  const data = new UnixFS({ type: 'file', blockSizes: links.map(() => BigInt(sizeBytes)) }).marshal()
  const block = dagPb.encode(
    dagPb.prepare({ Data: data, Links: links.map(link => ({ Name: '', Tsize: 1, Hash: CID.parse(link) })) })
  )
  const digest = Digest.create(0x12, Buffer.from(keyOfBytes(block), 'hex'))
  return { cid: CID.createV1(0x70, digest).toString(), block }
}

it('behavior: sources share the work, and each block is asked for once', async () => {
  const { cid, blocks } = await fileOf(distinctBytes(24 * 1024 * 1024))
  const [one, two]: string[][] = [[], []]
  const store = await fetch(cid, [source('one', blocks, one), source('two', blocks, two)])
  expect(store.usage().blocks).toBe(25)
  expect(new Set([...(one ?? []), ...(two ?? [])]).size).toBe(25)
  expect(one?.length).toBeGreaterThan(5)
  expect(two?.length).toBeGreaterThan(5)
})

it('behavior: what one source lacks is had from another', async () => {
  const { cid, blocks } = await fileOf(distinctBytes(4 * 1024 * 1024))
  const halves = [new Map<string, Uint8Array>(), new Map<string, Uint8Array>()]
  ;[...blocks].forEach(([key, block], at) => halves[at % 2]?.set(key, block))
  const store = await fetch(
    cid,
    halves.map((half, at) => source(`half ${at}`, half))
  )
  expect(store.usage().blocks).toBe(5)
})

it('behavior: a source that sends another block is asked no more', async () => {
  const { cid, blocks } = await fileOf(distinctBytes(12 * 1024 * 1024))
  let lies = 0
  const liar: BlockSource = {
    name: 'liar',
    async get() {
      lies++
      return Buffer.from('poison')
    }
  }
  const store = await fetch(cid, [liar, source('honest', blocks)])
  expect(store.usage().blocks).toBe(13)
  expect(lies).toBe(1)
})

it('behavior: a block that is late is had from another source', async () => {
  const { cid, blocks } = await fileOf(Buffer.from('small'))
  const silent: BlockSource = {
    name: 'silent',
    get: (_cid, ending) =>
      new Promise((_resolve, reject) => {
        ending.addEventListener('abort', () => reject(ending.reason))
      })
  }
  const store = await fetch(cid, [silent, source('honest', blocks)])
  expect(store.usage().blocks).toBe(1)
})

it('behavior: the work of a source that goes away is given to others at once', async () => {
  const { cid, blocks } = await fileOf(distinctBytes(8 * 1024 * 1024))
  const gone = new AbortController()
  let asks = 0
  const dying: BlockSource = {
    name: 'dying',
    gone: gone.signal,
    get: (_cid, ending) =>
      new Promise((_resolve, reject) => {
        ending.addEventListener('abort', () => reject(ending.reason))
        if (++asks === 3) gone.abort(new Error('killed'))
      })
  }
  const store = await fetch(cid, [source('honest', blocks), dying])
  expect(store.usage().blocks).toBe(9)
})

it('behavior: a small tree that stands for endless content is refused', async () => {
  const leaf = Buffer.alloc(2_000, 1)
  let below = rawCidOfKey(keyOfBytes(leaf)).toString()
  const blocks = new Map([[keyOfBytes(leaf), leaf as Uint8Array]])
  for (let level = 0; level < 20; level++) {
    const { cid, block } = node([below, below])
    blocks.set(keyOfBytes(block), block)
    below = cid
  }
  await expect(fetch(below, [source('one', blocks)])).rejects.toMatchObject({
    code: 'BUFFALO_ERR_CONTENT_INVALID'
  })
})

it('behavior: a tree that holds more than its root says is refused', async () => {
  const leaves = Array.from({ length: 40 }, (_, at) => Buffer.alloc(100_000, at + 1))
  const { cid, block } = node(
    leaves.map(leaf => rawCidOfKey(keyOfBytes(leaf)).toString()),
    1
  )
  const blocks = new Map([
    [keyOfBytes(block), block],
    ...leaves.map(leaf => [keyOfBytes(leaf), leaf] as const)
  ])
  await expect(fetch(cid, [source('one', blocks)], 1_000_000)).rejects.toMatchObject({ isTooLarge: true })
})

it('behavior: a folder, and a block that is no node, are refused', async () => {
  const folder = dagPb.encode(dagPb.prepare({ Data: new UnixFS({ type: 'directory' }).marshal(), Links: [] }))
  const rubbish = Buffer.from('rubbish')
  for (const block of [folder, rubbish]) {
    const digest = Digest.create(0x12, Buffer.from(keyOfBytes(block), 'hex'))
    const cid = CID.createV1(0x70, digest).toString()
    const blocks = new Map([[keyOfBytes(block), block as Uint8Array]])
    await expect(fetch(cid, [source('one', blocks)])).rejects.toMatchObject({
      code: 'BUFFALO_ERR_CONTENT_INVALID'
    })
  }
})

it('behavior: with nobody to ask it ends, and says how far it came', async () => {
  const { cid, blocks } = await fileOf(distinctBytes(3 * 1024 * 1024))
  blocks.delete([...blocks.keys()][1] ?? '')
  await expect(fetch(cid, [source('one', blocks)])).rejects.toThrow('3 of at least 4 blocks')
})

it('behavior: of many sources, the one that has it is found', async () => {
  const { cid, blocks } = await fileOf(distinctBytes(2 * 1024 * 1024))
  const nobody = Array.from({ length: 30 }, (_, at) => source(`nobody ${at}`, new Map()))
  const store = await fetch(cid, [...nobody, source('somebody', blocks)])
  expect(store.usage().blocks).toBe(3)
})

it('behavior: where many have the root alone, the one that has the rest is found', async () => {
  const { cid, blocks } = await fileOf(distinctBytes(2 * 1024 * 1024))
  const rootKey = blockKey(parseCid(cid))
  const root = new Map([[rootKey, blocks.get(rootKey) ?? new Uint8Array()]])
  const partly = Array.from({ length: 12 }, (_, at) => source(`partly ${at}`, root))
  const store = await fetch(cid, [...partly, source('somebody', blocks)])
  expect(store.usage().blocks).toBe(3)
})
