import { generateKeyPair } from '@libp2p/crypto/keys'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/interface/index.js'
import { createNetwork, type Network } from '../../../src/network/libp2p.js'
import { libp2pSyncTransport } from '../../../src/network/sync-transport.js'
import { silentLogger } from '../../helpers/silent-logger.js'

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) await stop()
})

async function node(bootstrap: string[] = []): Promise<Network> {
  const network = await createNetwork(
    { privateKey: await generateKeyPair('Ed25519'), topics: [], bootstrap },
    { clock: systemClock, logger: silentLogger() }
  )
  await network.start()
  stops.push(async () => network.stop())
  return network
}

async function pair() {
  const server = await node()
  const serving = libp2pSyncTransport({ libp2p: server.libp2p, logger: silentLogger() })
  const client = await node()
  const asking = libp2pSyncTransport({ libp2p: client.libp2p, logger: silentLogger() })
  const connected = new Promise<string>(resolve => asking.onConnect(resolve))
  const address = server.libp2p.getMultiaddrs()[0]
  if (address === undefined) throw new Error('no address')
  await client.libp2p.dial(address)
  expect(await connected).toBe(server.peerId)
  return { server, serving, client, asking }
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
const { signal } = new AbortController()

describe('sync over libp2p', () => {
  it('behavior: one stream carries request and answer in turn, and ends with the conversation', async () => {
    const { server, serving, client, asking } = await pair()
    const ended = Promise.withResolvers<void>()
    await serving.serve(peer => {
      expect(peer).toBe(client.peerId)
      return {
        answer: request => Buffer.concat([request, bytes(request.length & 255)]),
        close: ended.resolve
      }
    })
    expect(asking.peers()).toEqual([server.peerId])
    const conversation = await asking.open(server.peerId, signal)
    expect([...(await conversation.ask(bytes(7)))]).toEqual([7, 1])
    const large = new Uint8Array(150_000).fill(3)
    expect(await conversation.ask(large)).toHaveLength(150_001)
    await conversation.close()
    await conversation.close()
    await ended.promise
  })

  it('behavior: a refused or failed conversation rejects, and the next one works', async () => {
    const { server, serving, asking } = await pair()
    let count = 0
    let closed = 0
    await serving.serve(() => {
      if (count++ === 0) return undefined
      return {
        answer(request) {
          if (request[0] === 0) throw new Error('no such request')
          return request
        },
        close: () => closed++
      }
    })
    const refused = await asking.open(server.peerId, signal)
    await expect(refused.ask(bytes(1))).rejects.toThrow()
    const failing = await asking.open(server.peerId, signal)
    await expect(failing.ask(bytes(0))).rejects.toThrow()
    const working = await asking.open(server.peerId, signal)
    expect([...(await working.ask(bytes(1)))]).toEqual([1])
    await working.close()
    expect(closed).toBeGreaterThanOrEqual(1)
  })

  it('behavior: a request that is too long ends the conversation', async () => {
    const { server, serving, asking } = await pair()
    await serving.serve(() => ({ answer: request => request, close() {} }))
    const conversation = await asking.open(server.peerId, signal)
    await expect(conversation.ask(new Uint8Array(300_000))).rejects.toThrow()
  })

  it('behavior: a peer that is not connected cannot be asked', async () => {
    const { asking } = await pair()
    await expect(asking.open('12D3KooWnobody', signal)).rejects.toThrow('not connected')
  })
})
