import type { Connection, PeerId, Stream } from '@libp2p/interface'
import { lpStream, streamPair } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, it, onTestFinished, vi } from 'vitest'
import { contentLimits } from '../../../src/content/limits.js'
import { boundReading, countFields } from '../../../src/content/message-reader.js'
import { BitswapMessage, BlockPresenceType, WantType } from '../../../src/content/messages.js'
import { bitswapProtocol } from '../../../src/content/peer-blocks.js'
import { type Logger, systemClock } from '../../../src/interface/index.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { silentLogger } from '../../helpers/silent-logger.js'
import { type ContentNode, startContentNode } from './content-nodes.js'

const cid = Buffer.alloc(36, 1)
const honest = BitswapMessage.encode({
  wantlist: {
    entries: [1, 2].map(priority => ({
      cid,
      priority,
      cancel: false,
      wantType: WantType.WantHave,
      sendDontHave: true
    })),
    full: true
  },
  blocks: [{ prefix: Buffer.alloc(4, 1), data: Buffer.alloc(100_000, 7) }],
  blockPresences: [{ cid, type: BlockPresenceType.DoNotHaveBlock }],
  pendingBytes: -1
})

/** As many fields of two bytes as fit, in as many ways as there are. */
const floods = (sizeBytes: number): [string, Uint8Array][] => {
  const pairs = (tag: number, length: number): Buffer => Buffer.alloc(length).fill(Buffer.from([tag, 0]))
  const within = (tag: number): Buffer => {
    const inner = pairs(0x0a, sizeBytes - 6)
    const length = [0, 1, 2, 3].map(at => (Math.floor(inner.length / 128 ** at) % 128) | (at < 3 ? 128 : 0))
    return Buffer.concat([Buffer.from([tag, ...length]), inner])
  }
  return [
    ['want lists', pairs(0x0a, sizeBytes)],
    ['blocks', pairs(0x1a, sizeBytes)],
    ['block presences', pairs(0x22, sizeBytes)],
    ['unknown fields', pairs(0x38, sizeBytes)],
    ['entries of a want list', within(0x0a)],
    ['parts of a block', within(0x1a)],
    ['parts of a block presence', within(0x22)]
  ]
}

it('behavior: the fields of an honest message are counted, and its data passed over', () => {
  // A want list with two entries of five fields and `full`, a block, a presence, pendingBytes.
  expect(countFields(honest, 100)).toBe(1 + 2 * 6 + 1 + 3 + 3 + 1)
  expect(countFields(new Uint8Array(), 1)).toBe(0)
})

it('behavior: a message of very many fields is refused before it is decoded, however it holds them', () => {
  for (const [name, flood] of floods(4_000_000)) {
    // Of the processor, as others may have it meanwhile.
    const before = process.cpuUsage()
    expect(() => countFields(flood, contentLimits.messageFields), name).toThrow('more than 65536 fields')
    expect(process.cpuUsage(before).user / 1_000, name).toBeLessThan(500)
  }
})

it('behavior: what is no message is refused', () => {
  const bad = [
    [0x0a],
    [0x0a, 5, 1],
    [0x0b],
    [0x0c, 1],
    [0x08, ...Array<number>(11).fill(0xff)],
    [0x22, ...Array<number>(9).fill(0xff), 1],
    [0x09, 1],
    [0x0a, 2, 0x0a, 9]
  ]
  for (const bytes of bad) {
    expect(() => countFields(Uint8Array.from(bytes), 100), String(bytes)).toThrow('no bitswap message')
  }
})

async function start(): Promise<ContentNode> {
  const node = await startContentNode()
  onTestFinished(() => node.stop())
  return node
}

/** Sends messages by one stream, and resolves when the other side has broken it off or read it to its end. */
async function send(connection: Connection, messages: Uint8Array[]): Promise<'broken off' | 'read'> {
  const stream = await connection.newStream(bitswapProtocol)
  const ended = new Promise<'broken off' | 'read'>(resolve =>
    stream.addEventListener('close', ({ error }) => resolve(error === undefined ? 'read' : 'broken off'))
  )
  const frames = lpStream(stream)
  try {
    for (const message of messages) await frames.write(message)
    await stream.close()
  } catch {
    return 'broken off'
  }
  return ended
}

it('behavior: a stranger that floods a node with fields is not heard', async () => {
  const seen: object[] = []
  const refused: string[] = []
  const clock = manualClock()
  const logger: Logger = {
    ...silentLogger(),
    debug: ({ err }: { err?: Error }) => void refused.push(err?.message ?? '')
  }
  const network = {
    _onStream() {},
    safeDispatchEvent: (_name: string, event: object) => seen.push(event) > 0
  }
  boundReading({ network }, { clock, logger })
  const { remotePeer } = await (await start()).network.libp2p.dial(multiaddr((await start()).address))
  const receive: (stream: Stream, connection: { remotePeer: PeerId }) => void = network._onStream
  const messages = [...floods(500_000), ['honest', honest] as const]
  for (const [name, message] of messages) {
    if (name === 'honest') await clock.advance(1_000)
    const [outbound, inbound] = await streamPair()
    const ended = new Promise(resolve => inbound.addEventListener('close', resolve))
    receive(inbound, { remotePeer })
    const sending = lpStream(outbound)
      .write(message)
      .then(() => outbound.close())
    // It rejects where the other side has broken the stream off by then.
    await Promise.allSettled([sending, ended])
  }
  // What comes after two of them in the same second is not even looked at.
  expect(refused).toHaveLength(7)
  for (const reason of refused)
    expect(reason).toMatch(/more than (65536 fields|131072 fields within a second)/)
  // It is told of a turn after the stream has ended.
  await vi.waitFor(
    () => expect(seen).toMatchObject([{ detail: { message: { blocks: [{}], blockPresences: [{}] } } }]),
    { timeout: 20_000 }
  )
})

it('behavior: an honest message of a stranger is read to its end', async () => {
  const [holder, stranger] = [await start(), await start()]
  const connection = await stranger.network.libp2p.dial(multiaddr(holder.address))
  expect(await send(connection, [honest, honest])).toBe('read')
})

it('behavior: what a peer sends in a second is bounded, too', async () => {
  const [holder, stranger] = [await start(), await start()]
  const connection = await stranger.network.libp2p.dial(multiaddr(holder.address))
  const many = Buffer.alloc(120_000).fill(Buffer.from([0x38, 0]))
  expect(await send(connection, [many])).toBe('read')
  expect(await send(connection, Array<Uint8Array>(20).fill(many))).toBe('broken off')
})

it('behavior: another version of bitswap is noticed at the start', () => {
  const components = { clock: systemClock, logger: silentLogger() }
  expect(() => boundReading({}, components)).toThrow(TypeError)
  expect(() => boundReading({ network: {} }, components)).toThrow(TypeError)
})
