import { multiaddr } from '@multiformats/multiaddr'
import { expect, it, onTestFinished } from 'vitest'
import type { Network } from '../../../src/network/libp2p.js'
import { type ContentNode, startContentNode } from './content-nodes.js'

const options = () => ({ maxBytes: 1_000_000, signal: AbortSignal.timeout(20_000) })

async function start(onNetwork?: (network: Network) => Promise<unknown>): Promise<ContentNode> {
  const node = await startContentNode({}, onNetwork)
  onTestFinished(() => node.stop())
  return node
}

/** Resolves when the other side has told what it speaks. It is not to tell again when it starts something. */
async function connectAndIdentify({ libp2p }: Network, address: string): Promise<void> {
  await libp2p.unhandle('/ipfs/id/push/1.0.0')
  const told = new Promise(resolve => libp2p.addEventListener('peer:identify', resolve, { once: true }))
  await libp2p.dial(multiaddr(address))
  await told
}

it('behavior: a peer that was connected before content started is asked, too', async () => {
  const holder = await start()
  const cid = await holder.content.add([Buffer.from('early')])
  // As a worker that is connected at once, and then waits for its registration.
  const late = await start(network => connectAndIdentify(network, holder.address))
  const from = [holder.network.peerId]
  expect(String(await late.content.read(cid, { ...options(), from }))).toBe('early')
})
