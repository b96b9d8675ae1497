import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Libp2p, Stream, StreamCloseEvent } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { lpStream } from '@libp2p/utils'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { expect, test as it, onTestFinished, vi } from 'vitest'
import { type Clock, systemClock } from '../../../src/interface/index.js'
import { withFewAddresses } from '../../../src/network/dht.js'
import { createNetwork, type Network } from '../../../src/network/libp2p.js'
import { dhtLimits } from '../../../src/network/limits.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { silentLogger } from '../../helpers/silent-logger.js'

const protocol = '/buffalo/kad/1.0.0'
/** Fields of dht.proto: the type PING, a closer peer and a provider without content. */
const pingType = [0x08, 5]
const emptyCloser = [0x42, 0]
const emptyProvider = [0x4a, 0]

function repeat(bytes: number[], times: number): Uint8Array {
  const all = new Uint8Array(bytes.length * times)
  for (let at = 0; at < all.length; at += bytes.length) all.set(bytes, at)
  return all
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]
}

function message(...parts: Iterable<number>[]): Uint8Array {
  return Buffer.concat(parts.map(part => Uint8Array.from(part)))
}

/** A field of bytes. */
const field = (number: number, bytes: Uint8Array): Uint8Array =>
  message([number * 8 + 2, ...varint(bytes.byteLength)], bytes)

const millions = 4 * 1024 * 1024 - 8

async function startTarget(clock: Clock = systemClock): Promise<Network> {
  const network = await createNetwork(
    { privateKey: await generateKeyPair('Ed25519'), topics: [] },
    { clock, logger: silentLogger() }
  )
  await network.start()
  onTestFinished(() => network.stop())
  return network
}

/** A peer that says what it wants. `answer`: of the DHT, in place of being a peer that only asks. */
async function startHostile(
  target: Network,
  answer?: (stream: Stream) => Promise<void>
): Promise<{ libp2p: Libp2p; open(): Promise<Stream>; ping(): Promise<number> }> {
  const libp2p = await createLibp2p({
    privateKey: await generateKeyPair('Ed25519'),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: () => false },
    services: { identify: identify(), ping: ping({ protocolPrefix: 'buffalo' }) }
  })
  onTestFinished(() => libp2p.stop())
  if (answer !== undefined) await libp2p.handle(protocol, answer)
  const address = multiaddr(target.addresses()[0] ?? '')
  await libp2p.dial(address)
  return {
    libp2p,
    open: () => libp2p.dialProtocol(address, protocol),
    ping: () => libp2p.services.ping.ping(address)
  }
}

it.each([
  ['closer peers', message(pingType, repeat(emptyCloser, millions / 2 - 1))],
  ['providers', message(repeat(emptyProvider, millions / 2 - 1), pingType)],
  ['closer peers by one', message(pingType, repeat(emptyCloser, dhtLimits.request.fields))],
  [
    'addresses of one peer',
    message(
      pingType,
      [0x42, ...varint(2 * dhtLimits.request.fields)],
      repeat([0x12, 0], dhtLimits.request.fields)
    )
  ],
  [
    // kad-dht goes by the number of a field alone: to it, the key below ends after its length.
    'peers behind a key that is said to be a number',
    message(
      pingType,
      [0x10, 4, 0xa2, 6, ...varint(2 * dhtLimits.request.fields)],
      repeat(emptyCloser, dhtLimits.request.fields)
    )
  ],
  [
    'bytes',
    message(pingType, [0x12, ...varint(dhtLimits.request.bytes)], new Uint8Array(dhtLimits.request.bytes))
  ]
])('behavior: a request with too many %s is not read, and its stream is broken off', async (_, bytes) => {
  const target = await startTarget()
  const stream = await (await startHostile(target)).open()
  const ended = new Promise<StreamCloseEvent>(resolve => stream.addEventListener('close', resolve))
  const frames = lpStream(stream)
  const answer = frames.read().then(
    () => 'answered',
    () => 'refused'
  )
  await frames.write(bytes).catch(() => undefined)
  expect(await answer).toBe('refused')
  expect((await ended).error?.name).toBe('StreamResetError')
})

it('behavior: honest requests are answered, several on one stream, and with fields of a later version', async () => {
  const target = await startTarget()
  const frames = lpStream(await (await startHostile(target)).open())
  // Of field 100: kad-dht sends back of a ping what it knows.
  const later = [0xa2, 6, 1, 0]
  for (const known of [
    message(pingType),
    message(pingType, repeat(emptyCloser, dhtLimits.request.fields - 2))
  ]) {
    await frames.write(message(known, later))
    expect(Buffer.compare((await frames.read()).subarray(), known)).toBe(0)
  }
})

it('behavior: an answer of millions of peers is not read, and its stream is broken off', async () => {
  const target = await startTarget()
  const huge = message([0x08, 4], repeat(emptyCloser, millions / 2 - 1))
  const { libp2p } = await startHostile(target, async stream => {
    const frames = lpStream(stream)
    const question = (await frames.read()).subarray()
    const isPing = question[0] === pingType[0] && question[1] === pingType[1]
    await frames.write(isPing ? message(pingType) : huge).catch(() => undefined)
  })
  const errors: string[] = []
  const key = libp2p.peerId.toMultihash().bytes
  for await (const event of target.libp2p.services.dht.getClosestPeers(key)) {
    if (event.name === 'QUERY_ERROR') errors.push(event.error.message)
  }
  expect(errors).toEqual(['A DHT message was too large, one of too many, or none'])
})

it('behavior: answers add few addresses to what is known of a peer, whoever it is', async () => {
  const target = await startTarget()
  const friend = await startTarget()
  await friend.libp2p.dial(multiaddr(target.addresses()[0] ?? ''))
  const signed = async () =>
    (await target.libp2p.peerStore.get(friend.libp2p.peerId)).addresses.filter(one => one.isCertified)
  await expect.poll(async () => (await signed()).length, { timeout: 10_000 }).toBeGreaterThan(0)
  const before = await signed()
  const stranger = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
  const junk = Array.from({ length: 30 }, (_, n) => multiaddr(`/ip4/127.0.0.1/tcp/${n + 1}`).bytes)
  const peer = (id: Uint8Array): Uint8Array => {
    const inner = message(field(1, id), ...junk.map(address => field(2, address)))
    return field(8, inner)
  }
  const lie = message(
    [0x08, 4],
    peer(friend.libp2p.peerId.toMultihash().bytes),
    peer(stranger.toMultihash().bytes)
  )
  const { libp2p } = await startHostile(target, async stream => {
    const frames = lpStream(stream)
    const question = (await frames.read()).subarray()
    const isPing = question[0] === pingType[0] && question[1] === pingType[1]
    await frames.write(isPing ? message(pingType) : lie).catch(() => undefined)
  })
  for await (const _ of target.libp2p.services.dht.getClosestPeers(libp2p.peerId.toMultihash().bytes))
    continue
  for await (const _ of target.libp2p.peerRouting.getClosestPeers(stranger.toMultihash().bytes)) continue
  await expect
    .poll(async () => (await target.libp2p.peerStore.get(stranger)).addresses.length, { timeout: 10_000 })
    .toBe(dhtLimits.claimedAddresses)
  const { addresses } = await target.libp2p.peerStore.get(friend.libp2p.peerId)
  expect(addresses.filter(one => one.isCertified)).toEqual(before)
  expect(addresses.length).toBeLessThanOrEqual(before.length + dhtLimits.claimedAddresses)
})

it('behavior: a peer that asks without end is answered at its rate', async () => {
  const clock = manualClock()
  const target = await startTarget(clock)
  const { open, ping } = await startHostile(target)
  const { perSecond, burst } = dhtLimits.requests.peer
  async function ask(times: number): Promise<void> {
    const stream = await open()
    const frames = lpStream(stream)
    for (let n = 0; n < times; n++) {
      await frames.write(message(pingType))
      await frames.read()
    }
    await stream.close()
  }
  await Promise.all([1, 2, 3, 4].map(() => ask(burst / 4)))
  // Nor does a new stream help.
  let answered = 0
  const late = [1, 2].map(() => ask(1).then(() => answered++))
  // By then an answer would have come: what is asked of another service is.
  for (let turn = 0; turn < 10; turn++) await ping()
  expect(answered).toBe(0)
  await vi.waitFor(
    async () => {
      await clock.advance(1_000 / perSecond)
      expect(answered).toBe(2)
    },
    { timeout: 20_000 }
  )
  await Promise.all(late)
})

it('behavior: many requests at once are not read, and their stream is broken off', async () => {
  const target = await startTarget()
  const stream = await (await startHostile(target)).open()
  const ended = new Promise<StreamCloseEvent>(resolve => stream.addEventListener('close', resolve))
  stream.send(repeat([2, ...pingType], 1_000))
  expect((await ended).error?.name).toBe('StreamResetError')
})

it('behavior: of a peer with addresses without number some are passed on', async () => {
  const id = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
  const short = Array.from({ length: 100 }, (_, n) => multiaddr(`/ip4/10.0.0.${n}/tcp/1`))
  const long = Array.from({ length: 100 }, (_, n) => multiaddr(`/dns4/${'a'.repeat(200)}${n}/tcp/1`))
  expect(withFewAddresses({ id, multiaddrs: short }).multiaddrs).toEqual(
    short.slice(0, dhtLimits.addressesOfPeer)
  )
  expect(withFewAddresses({ id, multiaddrs: long }).multiaddrs).toEqual(long.slice(0, 9))
  expect(withFewAddresses({ id, multiaddrs: short.slice(0, 3) }).multiaddrs).toEqual(short.slice(0, 3))
})
