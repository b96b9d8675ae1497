import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { describe, expect, it, onTestFinished } from 'vitest'
import { frameMakers, type HostileMode, hostileModes } from '../../node/testnet/chaos/hostile-messages.js'
import { jobOf, meshed, network, startNode, type TestNode } from './network-nodes.js'

const protocol = '/meshsub/1.2.0'

/** Sends frames of one mode to a node as fast as it takes them, until the node ends it; then tries to come back. */
async function attack(target: TestNode, mode: HostileMode): Promise<{ frames: number; comesBack: boolean }> {
  const privateKey = await generateKeyPair('Ed25519')
  const libp2p = await createLibp2p({
    privateKey,
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: () => false },
    services: { identify: identify() }
  })
  onTestFinished(() => libp2p.stop())
  // Whoever speaks gossipsub is spoken to: nodes take its RPCs only then.
  await libp2p.handle(protocol, () => undefined)
  const address = multiaddr(target.network.addresses()[0] ?? '')
  const next = frameMakers({ network, privateKey, heard: [] })[mode]
  const stream = await libp2p.dialProtocol(address, protocol)
  let frames = 0
  while (stream.status === 'open') {
    const { frame } = await next()
    try {
      if (!stream.send(frame)) await stream.onDrain()
    } catch (err) {
      if (stream.status === 'open') throw err
    }
    frames++
    await new Promise(resolve => setImmediate(resolve))
  }
  const comesBack = await libp2p.dialProtocol(address, protocol).then(
    () => true,
    () => false
  )
  return { frames, comesBack }
}

describe('a hostile peer at full speed', () => {
  it.each(hostileModes)(
    'behavior: %s: it is shut out, others are still heard, and memory stays bounded',
    async mode => {
      const nodes = await Promise.all([startNode(), startNode()])
      const [honest, target] = nodes as [TestNode, TestNode]
      onTestFinished(async () => {
        await Promise.all(nodes.map(node => node.stop()))
      })
      honest.network.libp2p.peerStore.patch(target.network.libp2p.peerId, {
        multiaddrs: target.network.libp2p.getMultiaddrs()
      })
      await honest.network.libp2p.dial(target.network.libp2p.getMultiaddrs())
      await meshed(nodes)

      const before = process.memoryUsage().rss
      const { comesBack } = await attack(target, mode)
      expect(comesBack).toBe(false)
      expect(process.memoryUsage().rss - before).toBeLessThan(100e6)

      const job = jobOf(1)
      await honest.gossip.publishJobs([job])
      await target.inbox.until(({ jobs }) => jobs.some(({ key }) => key === job.key))
      expect(target.network.peers().map(({ peerId }) => peerId)).toContain(honest.network.peerId)
    }
  )
})
