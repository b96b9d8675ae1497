import { delay } from '../interface/abort.js'
import type { Clock } from '../interface/index.js'
import { blockKey } from './cid.js'
import { contentLimits } from './limits.js'

/*
 * Bounds what strangers can make a node serve. Helia's bitswap answers a message by reading all that the peer wants into
 * memory: 1,024 wants of 1 MiB are a gigabyte, for each peer. Here each peer's wants are answered in rounds, in turn with
 * those of others, at a bounded rate. The wants themselves are bounded before they are kept.
 */

/** What a peer wants, as bitswap keeps it. Only those of status `want` are looked at when blocks are sent. */
interface Want {
  cid: { bytes: Uint8Array; multihash: { digest: Uint8Array } }
  status: 'want' | 'sending' | 'sent'
  /** Whether the peer was told that the block is not here. */
  sentDoNotHave?: boolean
}

/** A list of wants in a message. */
interface Wantlist {
  entries: { cid: Uint8Array }[]
}

/** What bitswap knows of one peer. */
interface Ledger {
  getWants(): Want[]
  addWants(wantlist?: Wantlist): void
  sendBlocksToPeer(options?: { signal?: AbortSignal }): Promise<void>
}

interface LedgerMap {
  set(peer: { toString(): string }, ledger: Ledger): unknown
}

export interface ServingInit {
  /** Of a block that is here. */
  sizeOf(key: string): number | undefined
  roundBytes?: number
  atOnce?: number
  bytesPerSecond?: number
}

/**
 * Takes charge of the serving side of a bitswap, before it is started.
 * @returns what ends it. Throws TypeError for a bitswap that is not built like 3.2.
 */
export function boundServing(bitswap: object, init: ServingInit, { clock }: { clock: Clock }): () => void {
  const { roundBytes, servedAtOnce, servedBytesPerSecond } = contentLimits
  const ledgers = ledgerMapOf(bitswap)
  const turns = turnstile(init.atOnce ?? servedAtOnce)
  const ended = new AbortController()

  /** Leaves as many wants as one round sends; returns the others, which are to wait. */
  function holdBack(ledger: Ledger): { held: Want[]; bytes: number } {
    const held: Want[] = []
    let bytes = 0
    for (const want of ledger.getWants()) {
      if (want.status !== 'want') continue
      const sizeBytes = init.sizeOf(blockKey(want.cid)) ?? 0
      if (bytes > 0 && bytes + sizeBytes > (init.roundBytes ?? roundBytes)) {
        want.status = 'sending'
        held.push(want)
      } else {
        bytes += sizeBytes
      }
    }
    return { held, bytes }
  }

  function bound(ledger: Ledger): Ledger {
    const addWants = ledger.addWants.bind(ledger)
    const sendAll = ledger.sendBlocksToPeer.bind(ledger)
    let isSending = false
    let isAskedAgain = false
    ledger.addWants = wantlist => {
      if (wantlist === undefined) return
      wantlist.entries = wantlist.entries
        .filter(({ cid }) => cid.length <= contentLimits.cidBytes)
        .slice(0, contentLimits.wantsOfPeer)
      // Who asks again is answered again: bitswap says but once that it has not got a block, and takes what it sent within the same
      // millisecond for had.
      const asked = new Set(wantlist.entries.map(({ cid }) => Buffer.from(cid).toString('hex')))
      for (const want of ledger.getWants()) {
        if (!asked.has(Buffer.from(want.cid.bytes).toString('hex'))) continue
        want.sentDoNotHave = false
        if (want.status === 'sent') want.status = 'want'
      }
      addWants(wantlist)
    }
    ledger.sendBlocksToPeer = async () => {
      isAskedAgain = true
      if (isSending) return
      isSending = true
      try {
        while (isAskedAgain && !ended.signal.aborted) {
          isAskedAgain = false
          await turns.enter()
          const { held, bytes } = holdBack(ledger)
          try {
            await sendAll()
          } finally {
            turns.leave()
            for (const want of held) if (want.status === 'sending') want.status = 'want'
          }
          if (held.length > 0) isAskedAgain = true
          const costMs = (1_000 * bytes) / (init.bytesPerSecond ?? servedBytesPerSecond)
          // Below this, a timer takes longer than what it waits for.
          if (costMs >= 1) await delay(clock, costMs, ended.signal)
        }
      } finally {
        isSending = false
      }
    }
    return ledger
  }

  const set = ledgers.set.bind(ledgers)
  ledgers.set = (peer, ledger) => set(peer, bound(ledger))
  return () => ended.abort(new Error('The node stops'))
}

/** A message of a peer, as bitswap has decoded it. */
interface Message {
  blocks: { data: Uint8Array }[]
  blockPresences: unknown[]
}

interface WantList {
  receiveMessage(connection: { remotePeer: { toString(): string } }, message: Message): Promise<void>
}

interface Network {
  sendMessage(peer: { toString(): string }, ...rest: unknown[]): Promise<void>
}

/**
 * Takes charge of the receiving side of a bitswap, before it is started. What peers send that are not asked for anything is dropped
 * before it is hashed: else a stranger could keep a node hashing. And answers wait until the question has been sent: bitswap
 * begins to listen for them only then, and would miss one that comes early.
 * Throws TypeError for a bitswap that is not built like 3.2.
 */
export function guardReceiving(bitswap: object, isAsked: (peer: string) => boolean): void {
  const wantList: unknown = Reflect.get(bitswap, 'wantList')
  const network: unknown = Reflect.get(bitswap, 'network')
  if (!isWantList(wantList)) throw unlike('its want list')
  if (!isNetwork(network)) throw unlike('its network')
  /** Messages on their way to each peer that is asked. */
  const sending = new Map<string, Set<Promise<void>>>()
  /** Bytes of messages that wait for these, by peer. */
  const waiting = new Map<string, number>()

  const sendMessage = network.sendMessage.bind(network)
  network.sendMessage = (peer, ...rest) => {
    const sent = sendMessage(peer, ...rest)
    const name = peer.toString()
    if (!isAsked(name)) return sent
    const ofPeer = sending.get(name) ?? new Set()
    sending.set(name, ofPeer.add(sent))
    const done = (): void => {
      ofPeer.delete(sent)
      if (ofPeer.size === 0) sending.delete(name)
    }
    sent.then(done, done)
    return sent
  }

  const receiveMessage = wantList.receiveMessage.bind(wantList)
  wantList.receiveMessage = async (connection, message) => {
    const name = connection.remotePeer.toString()
    // Its wants are read elsewhere.
    if (!isAsked(name)) return
    // Answers to what one peer is asked at once; each block is hashed, and each costs a look of all that wait.
    message.blocks.length = Math.min(message.blocks.length, contentLimits.wantsOfPeer)
    message.blockPresences.length = Math.min(message.blockPresences.length, contentLimits.wantsOfPeer)
    // Nothing slows a peer that answers, and lets what it is asked not come through. What is left out is asked for again.
    const sizeBytes = memoryOf(message)
    const waitingBytes = (waiting.get(name) ?? 0) + sizeBytes
    if (waitingBytes > contentLimits.waitingBytesOfPeer) return
    waiting.set(name, waitingBytes)
    await Promise.allSettled(sending.get(name) ?? [])
    const leftBytes = (waiting.get(name) ?? 0) - sizeBytes
    if (leftBytes > 0) waiting.set(name, leftBytes)
    else waiting.delete(name)
    await receiveMessage(connection, message)
  }
}

/** About: an entry without data takes 200 bytes. */
const memoryOf = ({ blocks, blockPresences }: Message): number =>
  blocks.reduce((sum, { data }) => sum + data.byteLength, 200 * (1 + blocks.length + blockPresences.length))

function isNetwork(value: unknown): value is Network {
  return (
    typeof value === 'object' &&
    value !== null &&
    'sendMessage' in value &&
    typeof value.sendMessage === 'function'
  )
}

function isWantList(value: unknown): value is WantList {
  return (
    typeof value === 'object' &&
    value !== null &&
    'receiveMessage' in value &&
    typeof value.receiveMessage === 'function'
  )
}

function unlike(what: string): TypeError {
  return new TypeError(`This version of @helia/bitswap keeps ${what} elsewhere: adapt src/content/serving.ts`)
}

/** Lets a number of callers through at once, in order. */
function turnstile(places: number): { enter(): Promise<void>; leave(): void } {
  const waiting: (() => void)[] = []
  let free = places
  return {
    async enter() {
      if (free > 0) free--
      else await new Promise<void>(resolve => waiting.push(resolve))
    },
    leave() {
      const next = waiting.shift()
      if (next === undefined) free++
      else next()
    }
  }
}

function ledgerMapOf(bitswap: object): LedgerMap {
  const lists: unknown = Reflect.get(bitswap, 'peerWantLists')
  const map: unknown =
    typeof lists === 'object' && lists !== null ? Reflect.get(lists, 'ledgerMap') : undefined
  if (!isLedgerMap(map)) {
    throw unlike('its ledgers')
  }
  return map
}

function isLedgerMap(value: unknown): value is LedgerMap {
  return typeof value === 'object' && value !== null && 'set' in value && typeof value.set === 'function'
}
