import { Socket } from 'node:net'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../../src/interface/index.js'
import { createNetwork, type Network } from '../../../src/network/libp2p.js'
import { silentLogger } from '../../helpers/silent-logger.js'

const protocol = '/buffalo/test/1.0.0'

describe('packets', () => {
  const networks: Network[] = []
  let receivedBytes = 0
  let onReceived: () => void = () => {}

  async function start(): Promise<Network> {
    const network = await createNetwork(
      { privateKey: await generateKeyPair('Ed25519'), topics: [] },
      { clock: systemClock, logger: silentLogger() }
    )
    networks.push(network)
    await network.start()
    return network
  }

  async function connect(): Promise<Stream> {
    const [sender, receiver] = await Promise.all([start(), start()])
    await receiver.libp2p.handle(protocol, stream => {
      stream.addEventListener('message', ({ data }) => {
        receivedBytes += data.byteLength
        onReceived()
      })
    })
    return sender.libp2p.dialProtocol(receiver.addresses().map(multiaddr), protocol)
  }

  const received = (bytes: number): Promise<void> =>
    new Promise(resolve => {
      onReceived = () => receivedBytes >= bytes && resolve()
      onReceived()
    })

  beforeEach(() => {
    receivedBytes = 0
  })
  afterEach(async () => {
    vi.restoreAllMocks()
    await Promise.all(networks.splice(0).map(network => network.stop()))
  })

  it('behavior: a small message is one packet, and is not answered by any', async () => {
    const stream = await connect()
    stream.send(new Uint8Array(100))
    await received(100)
    const writes = vi.spyOn(Socket.prototype, 'write')
    for (let n = 2; n <= 200; n++) {
      stream.send(new Uint8Array(100))
      await received(100 * n)
    }
    // A heartbeat or a ping may come in between. It was four packets a message.
    expect(writes.mock.calls.length).toBeLessThan(250)
  })

  it('behavior: messages that are sent in one go are one packet', async () => {
    const stream = await connect()
    stream.send(new Uint8Array(100))
    await received(100)
    const writes = vi.spyOn(Socket.prototype, 'write')
    for (let n = 0; n < 200; n++) stream.send(new Uint8Array(100))
    await received(100 * 201)
    // A ping may come in between.
    expect(writes.mock.calls.length).toBeLessThan(20)
  })

  it('behavior: what was sent right before the end of a connection arrives', async () => {
    const stream = await connect()
    stream.send(new Uint8Array(1_000))
    await networks[0]?.libp2p.getConnections()[0]?.close()
    await received(1_000)
    expect(receivedBytes).toBe(1_000)
  })

  it('behavior: more than the window of a stream arrives whole', async () => {
    const stream = await connect()
    const sizeBytes = 3 * 1024 * 1024
    for (let sent = 0; sent < sizeBytes; sent += 64 * 1024) {
      if (!stream.send(new Uint8Array(64 * 1024))) await stream.onDrain()
    }
    await received(sizeBytes)
    expect(receivedBytes).toBe(sizeBytes)
  })
})
