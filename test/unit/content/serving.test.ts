import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { boundServing, guardReceiving } from '../../../src/content/serving.js'
import { manualClock } from '../../helpers/manual-clock.js'

interface Want {
  cid: { bytes: Uint8Array; multihash: { digest: Uint8Array } }
  status: 'want' | 'sending' | 'sent'
}

const cidOf = (name: string): Want['cid'] => ({
  bytes: Buffer.from(name),
  multihash: { digest: createHash('sha256').update(name).digest() }
})

/** Stands in for Helia's bitswap: its ledgers send all that is wanted at once. */
function fakeBitswap() {
  const ledgerMap = new Map<string, FakeLedger>()
  class FakeLedger {
    wants: Want[] = []
    rounds: number[] = []
    sending = Promise.resolve()
    getWants(): Want[] {
      return this.wants
    }
    addWants(list?: { entries: { cid: Uint8Array }[] }): void {
      for (const { cid } of list?.entries ?? []) this.wants.push({ cid: cidOf(String(cid)), status: 'want' })
    }
    async sendBlocksToPeer(): Promise<void> {
      const open = this.wants.filter(({ status }) => status === 'want')
      this.rounds.push(open.length)
      running++
      most = Math.max(most, running)
      await this.sending
      running--
      for (const want of open) want.status = 'sent'
    }
  }
  let running = 0
  let most = 0
  const messages: number[] = []
  return {
    FakeLedger,
    bitswap: {
      peerWantLists: { ledgerMap },
      network: { sendMessage: (_peer: string): Promise<void> => Promise.resolve() },
      wantList: {
        async receiveMessage(_connection: unknown, message: ReturnType<typeof messageOf>) {
          messages.push(message.blocks.length)
        }
      }
    },
    messages,
    mostAtOnce: () => most
  }
}

const messageOf = (blocks: number, sizeBytes = 10) => ({
  blocks: Array.from({ length: blocks }, () => ({ data: new Uint8Array(sizeBytes) })),
  blockPresences: []
})

const wants = (count: number): Want[] =>
  Array.from({ length: count }, (_, at) => ({ cid: cidOf(String(at)), status: 'want' as const }))

it('behavior: the blocks that one peer wants are read a few at a time, until all are sent', async () => {
  const { bitswap, FakeLedger } = fakeBitswap()
  const end = boundServing(
    bitswap,
    { sizeOf: () => 1_000, roundBytes: 2_000, bytesPerSecond: 1e9 },
    { clock: manualClock() }
  )
  const ledger = new FakeLedger()
  bitswap.peerWantLists.ledgerMap.set('peer', ledger)
  ledger.wants = wants(9)
  await ledger.sendBlocksToPeer()
  expect(ledger.rounds).toEqual([2, 2, 2, 2, 1])
  expect(ledger.wants.every(({ status }) => status === 'sent')).toBe(true)
  end()
})

it('behavior: no more peers than a number are sent blocks at once, and each comes to its turn', async () => {
  const { bitswap, FakeLedger, mostAtOnce } = fakeBitswap()
  boundServing(
    bitswap,
    { sizeOf: () => 1_000, roundBytes: 1_000, atOnce: 3, bytesPerSecond: 1e9 },
    { clock: manualClock() }
  )
  const ledgers = Array.from({ length: 10 }, () => new FakeLedger())
  for (const [at, ledger] of ledgers.entries()) {
    bitswap.peerWantLists.ledgerMap.set(String(at), ledger)
    ledger.wants = wants(3)
  }
  await Promise.all(ledgers.map(ledger => ledger.sendBlocksToPeer()))
  expect(mostAtOnce()).toBe(3)
  expect(ledgers.every(ledger => ledger.wants.every(({ status }) => status === 'sent'))).toBe(true)
})

it('behavior: a peer is sent blocks at a bounded rate', async () => {
  const clock = manualClock()
  const { bitswap, FakeLedger } = fakeBitswap()
  boundServing(bitswap, { sizeOf: () => 1_000, roundBytes: 1_000, bytesPerSecond: 1_000 }, { clock })
  const ledger = new FakeLedger()
  bitswap.peerWantLists.ledgerMap.set('peer', ledger)
  ledger.wants = wants(3)
  const sent = ledger.sendBlocksToPeer()
  for (let rounds = 1; rounds <= 3; rounds++) {
    await clock.settle()
    expect(ledger.rounds).toHaveLength(rounds)
    await clock.advance(1_000)
  }
  await sent
})

it('behavior: wants of strange hashes, and more than a number, are not kept', () => {
  const { bitswap, FakeLedger } = fakeBitswap()
  boundServing(bitswap, { sizeOf: () => 0 }, { clock: manualClock() })
  const ledger = new FakeLedger()
  bitswap.peerWantLists.ledgerMap.set('peer', ledger)
  ledger.addWants({ entries: Array.from({ length: 5_000 }, () => ({ cid: new Uint8Array(36) })) })
  expect(ledger.wants).toHaveLength(1_024)
  ledger.wants = []
  ledger.addWants({ entries: [{ cid: new Uint8Array(1_000_000) }] })
  expect(ledger.wants).toHaveLength(0)
})

it('behavior: who asks again at once for a block that was sent is sent it again', async () => {
  const { bitswap, FakeLedger } = fakeBitswap()
  boundServing(bitswap, { sizeOf: () => 1 }, { clock: manualClock() })
  const ledger = new FakeLedger()
  bitswap.peerWantLists.ledgerMap.set('peer', ledger)
  ledger.addWants({ entries: [{ cid: Buffer.from('a') }, { cid: Buffer.from('b') }] })
  await ledger.sendBlocksToPeer()
  ledger.addWants({ entries: [{ cid: Buffer.from('a') }] })
  expect(ledger.wants.slice(0, 2).map(({ status }) => status)).toEqual(['want', 'sent'])
})

it('behavior: blocks of peers that were not asked are dropped unread', async () => {
  const { bitswap, messages } = fakeBitswap()
  guardReceiving(bitswap, peer => peer === 'asked')
  const { receiveMessage } = bitswap.wantList
  await receiveMessage({ remotePeer: 'asked' }, messageOf(2))
  await receiveMessage({ remotePeer: 'stranger' }, messageOf(2))
  expect(messages).toEqual([2])
})

it('behavior: of one answer no more is looked at than a peer can be asked for at once', async () => {
  const { bitswap, messages } = fakeBitswap()
  guardReceiving(bitswap, () => true)
  await bitswap.wantList.receiveMessage({ remotePeer: 'asked' }, messageOf(5_000))
  expect(messages).toEqual([1_024])
})

it('behavior: an answer that comes before its question is sent waits for it', async () => {
  const { bitswap, messages } = fakeBitswap()
  const sent = Promise.withResolvers<void>()
  bitswap.network.sendMessage = () => sent.promise
  guardReceiving(bitswap, () => true)
  const sending = bitswap.network.sendMessage('peer')
  const receiving = bitswap.wantList.receiveMessage({ remotePeer: 'peer' }, messageOf(1))
  const other = bitswap.wantList.receiveMessage({ remotePeer: 'other' }, messageOf(2))
  await other
  expect(messages).toEqual([2])
  sent.resolve()
  await Promise.all([sending, receiving])
  expect(messages).toEqual([2, 1])
})

it('behavior: answers that wait for their question are bounded', async () => {
  const { bitswap, messages } = fakeBitswap()
  const sent = Promise.withResolvers<void>()
  bitswap.network.sendMessage = () => sent.promise
  guardReceiving(bitswap, () => true)
  const sending = bitswap.network.sendMessage('peer')
  const answers = Array.from({ length: 20 }, () =>
    bitswap.wantList.receiveMessage({ remotePeer: 'peer' }, messageOf(1, 2 * 1024 * 1024))
  )
  sent.resolve()
  await Promise.all([sending, ...answers])
  expect(messages).toHaveLength(7)
  await bitswap.wantList.receiveMessage({ remotePeer: 'peer' }, messageOf(1, 2 * 1024 * 1024))
  expect(messages).toHaveLength(8)
})

it('behavior: another version of bitswap is noticed at the start', () => {
  expect(() => boundServing({}, { sizeOf: () => 0 }, { clock: manualClock() })).toThrow(TypeError)
  expect(() => guardReceiving({ wantList: {} }, () => true)).toThrow(TypeError)
})
