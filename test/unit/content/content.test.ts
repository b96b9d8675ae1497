import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import { BaseBlockstore } from 'blockstore-core'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { keyOfBytes, rawCidOfKey } from '../../../src/content/cid.js'
import type { ContentInit } from '../../../src/content/content.js'
import { cidOfContent, cidOfFile, importContent } from '../../../src/interface/content-id.js'
import { type ContentNode, connect, distinctBytes, startContentNode } from './content-nodes.js'
import { startStockNode } from './stock-node.js'

const maxBytes = 100_000_000
const options = () => ({ maxBytes, signal: AbortSignal.timeout(50_000) })
const nodes: { stop(): Promise<void> }[] = []
const started = <T extends { stop(): Promise<void> }>(node: T): T => {
  nodes.push(node)
  return node
}
const start = async (init?: ContentInit): Promise<ContentNode> => started(await startContentNode(init))

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'buffalo-content-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(
    () =>
      new Promise<void>(resolve => {
        server.closeAllConnections()
        server.close(() => resolve())
      })
  )
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** The blocks of some bytes, by CID. */
async function blocksOf(bytes: Uint8Array): Promise<{ cid: string; blocks: Map<string, Uint8Array> }> {
  const blocks = new Map<string, Uint8Array>()
  const cid = await importContent([bytes], async (key, block) => {
    blocks.set(key, block)
  })
  return { cid, blocks }
}

afterEach(async () => {
  await Promise.all(nodes.splice(0).map(node => node.stop()))
})

describe('content between nodes', () => {
  it('behavior: what one node adds another reads, small or large, and can pass on', async () => {
    const [a, b, c] = [await start(), await start(), await start()]
    await connect(b, a)
    for (const bytes of [Buffer.from('small'), distinctBytes(3_500_000)]) {
      const cid = await a.content.add([bytes])
      expect(Buffer.compare(await b.content.read(cid, options()), bytes)).toBe(0)
    }
    await a.stop()
    await connect(c, b)
    const cid = await cidOfContent(Buffer.from('small'))
    expect(String(await c.content.read(cid, options()))).toBe('small')
  })

  it('behavior: a file is served from where it lies until it is unshared, by itself or with its folder', async () => {
    const [a, b] = [await start(), await start()]
    await connect(b, a)
    const path = await folder()
    const cids: string[] = []
    for (const name of ['one', 'two', 'three']) {
      await writeFile(join(path, name), distinctBytes(1_500_000, name.length * 7 + cids.length))
      cids.push(await a.content.share(join(path, name)))
    }
    const [one = '', two = '', three = ''] = cids
    await b.content.fetch(one, options())
    a.content.unshare(join(path, 'two'))
    await b.content.fetch(three, options())
    a.content.unshare(path)
    await b.stop()
    for (const cid of [one, two, three]) {
      await expect(a.content.read(cid, options())).rejects.toMatchObject({
        code: 'BUFFALO_ERR_CONTENT_UNAVAILABLE'
      })
    }
    expect(a.content.usage().heldBytes).toBe(0)
  })

  it('behavior: it tells how far it is', async () => {
    const [a, b] = [await start(), await start()]
    await connect(b, a)
    const cid = await a.content.add([distinctBytes(3_500_000)])
    const seen: [number, number | undefined][] = []
    await b.content.fetch(cid, {
      ...options(),
      onProgress: ({ bytes, totalBytes }) => seen.push([bytes, totalBytes])
    })
    expect(seen[0]).toEqual([0, 3_500_000])
    expect(seen.at(-1)).toEqual([3_500_000, 3_500_000])
    expect(seen).toHaveLength(5)
  })

  it('behavior: a download that broke off goes on where it was', async () => {
    const [a, b] = [await start(), await start({ path: await folder() })]
    await connect(b, a)
    const cid = await a.content.add([distinctBytes(8_000_000)])
    const abort = new AbortController()
    const broken = b.content.fetch(cid, {
      maxBytes,
      signal: abort.signal,
      onProgress: ({ blocks }) => blocks === 4 && abort.abort(new Error('enough'))
    })
    await expect(broken).rejects.toThrow('enough')
    const before = b.content.usage().blocks
    expect(before).toBeGreaterThanOrEqual(4)
    let first: number | undefined
    let fetched = 0
    await b.content.fetch(cid, {
      ...options(),
      onProgress({ blocks }) {
        first ??= blocks
        fetched++
      }
    })
    expect(b.content.usage().blocks).toBe(9)
    expect(fetched).toBe(9)
  })

  it('behavior: a file is served from where it lies, and saved as a file that is served in turn', async () => {
    const [a, b] = [await start(), await start({ path: await folder() })]
    await connect(b, a)
    const path = join(await folder(), 'file')
    await writeFile(path, distinctBytes(3_000_000))
    const cid = await a.content.share(path)
    expect(cid).toBe(await cidOfFile(path))
    expect(a.content.usage().bytes).toBeLessThan(1_000)
    const copy = join(await folder(), 'deep', 'copy')
    await b.content.save(cid, copy, options())
    expect(Buffer.compare(await readFile(copy), await readFile(path))).toBe(0)
    expect(b.content.usage().bytes).toBeLessThan(1_000)
    const c = await start()
    await connect(c, b)
    expect(await c.content.read(cid, options())).toHaveLength(3_000_000)
  })

  it('behavior: a file that changed is not served any more', async () => {
    const [a, b] = [await start(), await start()]
    await connect(b, a)
    const path = join(await folder(), 'file')
    await writeFile(path, 'before')
    const cid = await a.content.share(path)
    await writeFile(path, 'after!')
    await expect(b.content.read(cid, options())).rejects.toMatchObject({
      code: 'BUFFALO_ERR_CONTENT_UNAVAILABLE'
    })
  })

  it('behavior: a provider that is not connected is found by the DHT', async () => {
    const [a, hub, b] = [await start(), await start(), await start()]
    await connect(a, hub)
    const cid = await a.content.add([Buffer.from('far away')], { pin: true })
    await connect(b, hub)
    const { libp2p } = hub.network
    // The record has reached the hub: it is announced in the background.
    for (;;) {
      const records: string[] = []
      for await (const { id } of libp2p.contentRouting.findProviders(
        rawCidOfKey(keyOfBytes(Buffer.from('far away'))),
        {
          signal: AbortSignal.timeout(10_000)
        }
      )) {
        records.push(id.toString())
      }
      if (records.includes(a.network.peerId)) break
    }
    expect(String(await b.content.read(cid, options()))).toBe('far away')
  })

  it('behavior: with nobody who has it, it says so soon, each time that it is asked', async () => {
    const [a, b] = [await start(), await start()]
    await connect(b, a)
    const bytes = Buffer.from('nobody has this')
    const cid = await cidOfContent(bytes)
    for (let times = 0; times < 2; times++) {
      await expect(
        b.content.fetch(cid, { maxBytes, signal: AbortSignal.timeout(15_000) })
      ).rejects.toMatchObject({
        code: 'BUFFALO_ERR_CONTENT_UNAVAILABLE'
      })
    }
    await a.content.add([bytes])
    expect(await b.content.read(cid, options())).toEqual(bytes)
  })

  it('behavior: what is larger than allowed is not fetched', async () => {
    const [a, b] = [await start(), await start()]
    await connect(b, a)
    const cid = await a.content.add([distinctBytes(3_000_000)])
    await expect(b.content.fetch(cid, { ...options(), maxBytes: 2_999_999 })).rejects.toMatchObject({
      code: 'BUFFALO_ERR_CONTENT_INVALID',
      isTooLarge: true
    })
    expect(b.content.usage().bytes).toBeLessThan(1_000)
  })
})

describe('content and the rest of IPFS', () => {
  it('behavior: a stock client of libp2p and Helia’s bitswap reads a file of many blocks', async () => {
    const worker = await start()
    const bytes = distinctBytes(12_000_000)
    const cid = await worker.content.add([bytes])
    const client = started(await startStockNode())
    await client.libp2p.dial(multiaddr(worker.address))
    expect(Buffer.compare(await client.read(cid, options().signal), bytes)).toBe(0)
  })

  it('behavior: a file is read from a stock node', async () => {
    const bytes = distinctBytes(2_500_000)
    const { cid, blocks } = await blocksOf(bytes)
    const stock = started(await startStockNode())
    for (const block of blocks.values()) await stock.blockstore.put(rawCidOfKey(keyOfBytes(block)), block)
    const worker = await start()
    await connect(worker, stock)
    expect(Buffer.compare(await worker.content.read(cid, options()), bytes)).toBe(0)
  })

  it('behavior: a poisoned block is refused, and had from an honest peer', async () => {
    const bytes = distinctBytes(3_000_000)
    const honest = await start()
    const cid = await honest.content.add([bytes])
    const { blocks } = await blocksOf(bytes)
    const byKey = new Map([...blocks.values()].map(block => [keyOfBytes(block), block]))
    /** The root is true, each leaf has one byte changed. */
    class Poison extends BaseBlockstore {
      served = 0
      override async *get(key: Parameters<BaseBlockstore['get']>[0]): AsyncGenerator<Uint8Array> {
        const block = byKey.get(Buffer.from(key.multihash.digest).toString('hex'))
        if (block === undefined) throw new Error('asked for what it has not')
        const poisoned = Buffer.from(block)
        if (block.length > 1_000) poisoned[500] = (poisoned[500] ?? 0) ^ 1
        this.served++
        yield poisoned
      }
    }
    const poison = new Poison()
    const liar = started(await startStockNode(poison))
    const victim = await start()
    await connect(victim, liar)
    await connect(victim, honest)
    expect(Buffer.compare(await victim.content.read(cid, options()), bytes)).toBe(0)
    expect(poison.served).toBeGreaterThan(0)
  })

  it('behavior: gateways are asked block by block where no peer sends, and are not trusted', async () => {
    const bytes = distinctBytes(2_500_000)
    const { cid, blocks } = await blocksOf(bytes)
    const asked: string[] = []
    const honest = await serve((request, response) => {
      asked.push(request.url ?? '')
      const [, block] = /^\/ipfs\/(\w+)\?format=raw$/u.exec(request.url ?? '') ?? []
      const found = block === undefined ? undefined : blocks.get(block)
      response.writeHead(found === undefined ? 404 : 200).end(found)
    })
    const liar = await serve((_request, response) => response.end('something else'))
    const node = await start({ gateways: [`${liar}/`, honest], allowHttpLoopback: true })
    expect(Buffer.compare(await node.content.read(cid, options()), bytes)).toBe(0)
    expect(asked.length).toBeGreaterThanOrEqual(4)
  })
})
