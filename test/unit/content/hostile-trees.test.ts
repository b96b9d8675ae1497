import * as dagPb from '@ipld/dag-pb'
import { multiaddr } from '@multiformats/multiaddr'
import { UnixFS } from 'ipfs-unixfs'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { expect, it, onTestFinished } from 'vitest'
import { encodeAbi } from '../../../models/tools/abi.js'
import { keyOfBytes, rawCidOfKey } from '../../../src/content/cid.js'
import { ipfsInput } from '../../../src/content/locations/ipfs.js'
import { FailureCode } from '../../../src/interface/index.js'
import { startContentNode } from './content-nodes.js'
import { startStockNode } from './stock-node.js'

const leaf = Buffer.alloc(1_000, 1)
const leafCid = rawCidOfKey(keyOfBytes(leaf)).toString()

/** A node of a tree, as anyone may write it. */
function node(
  links: string[],
  blockSizes: bigint[],
  type: 'file' | 'directory' = 'file'
): { cid: string; block: Uint8Array } {
  const Data = new UnixFS({ type, blockSizes }).marshal()
  const Links = links.map(link => ({ Name: '', Tsize: 1, Hash: CID.parse(link) }))
  const block = dagPb.encode(dagPb.prepare({ Data, Links }))
  const digest = Digest.create(0x12, Buffer.from(keyOfBytes(block), 'hex'))
  return { cid: CID.createV1(0x70, digest).toString(), block }
}

it('behavior: a tree whose sizes lie, or that is no file, is invalid for good, not unavailable for now', async () => {
  const [asker, stock] = [await startContentNode(), await startStockNode()]
  onTestFinished(async () => {
    await asker.stop()
    await stock.stop()
  })
  await asker.network.libp2p.dial(multiaddr(stock.address))
  const folder = node([], [], 'directory')
  const trees = new Map([
    ['says more than it has', node([leafCid, leafCid], [5_000n, 5_000n])],
    ['says more than there can be', node([leafCid], [2n ** 63n])],
    ['holds a folder', node([folder.cid], [1_000n])]
  ])
  for (const block of [leaf, folder.block, ...[...trees.values()].map(tree => tree.block)]) {
    await stock.blockstore.put(rawCidOfKey(keyOfBytes(block)), block)
  }
  const resolve = ipfsInput(asker.content, { maxBytes: 1_000_000 })
  const job = {} as Parameters<typeof resolve>[0]
  for (const [name, { cid }] of trees) {
    const input = Buffer.from(encodeAbi(['string'], [`ipfs://${cid}`]).slice(2), 'hex')
    const code = await resolve(job, input, AbortSignal.timeout(20_000)).then(
      () => 'it was read',
      (err: { code?: string; failureCode?: FailureCode }) => err.failureCode ?? err.code
    )
    expect([FailureCode.InvalidInput, FailureCode.InputTooLarge], name).toContain(code)
  }
})
