/**
 * A hostile peer in a process of its own: forked with an IPC channel, it is told whom to attack, and attacks at full speed
 * until the channel closes. Each of its identities does one thing (hostile-messages.ts).
 */

import { setTimeout as delay, setImmediate } from 'node:timers/promises'
import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import { RPC } from '@libp2p/gossipsub/message'
import { identify } from '@libp2p/identify'
import type { Libp2p, PrivateKey, Stream } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { lpStream } from '@libp2p/utils'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { frameMakers } from './hostile-messages.js'
import type { HostileOrder, HostileReport } from './hostile-peer.js'

const protocols = ['/meshsub/1.2.0', '/meshsub/1.1.0']
/** Between two tries to come back after it was thrown out. */
const returnMs = 500
const reportMs = 500
/** What it remembers of others, to repeat. */
const heardMessages = 500

async function attack(order: HostileOrder): Promise<void> {
  const reports = await Promise.all(
    order.identities.map(async ({ mode, key }) => {
      const privateKey = privateKeyFromProtobuf(Buffer.from(key, 'base64'))
      const heard: { topic: string; data: Uint8Array }[] = []
      const libp2p = await createPeer(privateKey, heard)
      const report: HostileReport = {
        mode,
        peerId: libp2p.peerId.toString(),
        messages: 0,
        bytes: 0,
        streamsLost: 0,
        dialsRefused: 0
      }
      const next = frameMakers({ network: order.network, privateKey, heard })[mode]
      for (const target of order.targets) void attackOne(libp2p, target, next, report)
      return report
    })
  )
  for (;;) {
    await delay(reportMs)
    process.send?.(reports)
  }
}

function createPeer(privateKey: PrivateKey, heard: { topic: string; data: Uint8Array }[]): Promise<Libp2p> {
  return createLibp2p({
    privateKey,
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: () => false },
    services: { identify: identify() }
  }).then(async libp2p => {
    await libp2p.handle(protocols, stream => listen(stream, heard), { maxInboundStreams: 100 })
    return libp2p
  })
}

/** Learns what others say, to repeat it. */
async function listen(stream: Stream, heard: { topic: string; data: Uint8Array }[]): Promise<void> {
  const frames = lpStream(stream)
  try {
    for (;;) {
      const { messages } = RPC.decode(await frames.read())
      for (const { topic, data } of messages) {
        if (data !== undefined) heard.push({ topic, data })
      }
      heard.splice(0, heard.length - heardMessages)
    }
  } catch {
    // The other side closed it: there is no more to hear.
  }
}

async function attackOne(
  libp2p: Libp2p,
  target: string,
  next: ReturnType<typeof frameMakers>['spam'],
  report: HostileReport
): Promise<never> {
  for (;;) {
    try {
      const stream = await libp2p.dialProtocol(multiaddr(target), protocols, {
        signal: AbortSignal.timeout(5_000),
        maxOutboundStreams: 100
      })
      for (let count = 1; stream.status === 'open'; count++) {
        const { frame, messages } = await next()
        report.messages += messages
        report.bytes += frame.byteLength
        if (!stream.send(frame)) await stream.onDrain({ signal: AbortSignal.timeout(60_000) })
        // Its own event loop has other streams to serve.
        if (count % 4 === 0) await setImmediate()
      }
      report.streamsLost++
    } catch (err) {
      if (err instanceof Error && /dial|connect|denied|refused|encrypt/i.test(`${err.name} ${err.message}`)) {
        report.dialsRefused++
      } else report.streamsLost++
    }
    await delay(returnMs)
  }
}

process.on('disconnect', () => process.exit(0))
process.once('message', order => {
  attack(order as HostileOrder).catch(err => {
    process.stderr.write(`hostile: ${String(err)}\n`)
    process.exit(1)
  })
})
