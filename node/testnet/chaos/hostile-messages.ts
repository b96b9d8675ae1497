import { randomBytes } from 'node:crypto'
import { RPC } from '@libp2p/gossipsub/message'
import type { PrivateKey } from '@libp2p/interface'
import { envelopeCodec } from '../../../src/gossip/envelope.js'
import { messageLimits } from '../../../src/gossip/limits.js'
import { type TopicKind, topicKinds, topicOf } from '../../../src/gossip/topic.js'
import { encodeJobs } from '../../../src/gossip/validation/jobs.js'
import { encodeLeases } from '../../../src/gossip/validation/leases.js'
import { encodePresence } from '../../../src/gossip/validation/presence.js'
import { encodeResults } from '../../../src/gossip/validation/results.js'
import type { NetworkIdentity } from '../../../src/interface/index.js'
import { peerKeyOf } from '../../../src/network/identity.js'
import { gossipsubLimits } from '../../../src/network/limits.js'

/** What a hostile peer does. */
export const hostileModes = ['invalid', 'malformed', 'control', 'spam'] as const
export type HostileMode = (typeof hostileModes)[number]

export interface HostileInit {
  network: NetworkIdentity
  privateKey: PrivateKey
  /** Messages of others, as they were heard. */
  heard: { topic: string; data: Uint8Array }[]
}

/** One frame of gossipsub's stream after the other: bytes to send, and how many messages they are. */
export type FrameMaker = () => Promise<{ frame: Uint8Array; messages: number }>

/** Messages of one RPC: enough that an attacker's own cost is bytes and signatures, not calls. */
const messagesPerFrame = 32

export function frameMakers(init: HostileInit): Record<HostileMode, FrameMaker> {
  let count = 0
  const topics = topicKinds.map(kind => topicOf(init.network, kind))
  const some = <T>(values: readonly T[]): T => values[count++ % values.length] as T
  const spam = spammer(init)

  const publish = (
    messages: { topic: string; data: Uint8Array }[]
  ): { frame: Uint8Array; messages: number } => ({
    frame: prefixed(RPC.encode({ subscriptions: [], messages })),
    messages: messages.length
  })

  /** Each breaks a rule that all nodes know. */
  const invalid: (() => Promise<{ topic: string; data: Uint8Array }>)[] = [
    // Garbage in place of an envelope.
    async () => ({ topic: some(topics), data: randomBytes(500) }),
    // Oversized.
    async () => ({ topic: some(topics), data: randomBytes(messageLimits.envelopeBytes + 1) }),
    // Forged: the last byte is the signature's.
    async () => {
      const { topic, data } = await spam()
      const forged = Uint8Array.from(data)
      forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1
      return { topic, data: forged }
    },
    // Carried from one topic to another.
    async () => {
      const { topic, data } = init.heard.length > 0 ? some(init.heard) : await spam()
      return { topic: topics.find(other => other !== topic) ?? topic, data }
    }
  ]

  return {
    async invalid() {
      const messages = []
      for (let index = 0; index < messagesPerFrame; index++) messages.push(await some(invalid)())
      return publish(messages)
    },

    /** Frames that are no RPC, and now and then one that is announced longer than any may be. */
    async malformed() {
      const isTooLong = count++ % 200 === 199
      const announced = isTooLong ? gossipsubLimits.inboundRpcBytes + 1 : 32_768
      return { frame: prefixed(randomBytes(32_768), announced), messages: 1 }
    },

    /** Valid RPCs that ask and tell for the sake of it. */
    async control() {
      const ids = (): Uint8Array[] => Array.from({ length: 500 }, () => randomBytes(32))
      return {
        frame: prefixed(
          RPC.encode({
            subscriptions: topics.flatMap(topic => [
              { topic, subscribe: false },
              { topic, subscribe: true }
            ]),
            messages: [],
            control: {
              ihave: topics.map(topicID => ({ topicID, messageIDs: ids() })),
              iwant: [{ messageIDs: ids() }],
              graft: topics.map(topicID => ({ topicID })),
              prune: topics.map(topicID => ({ topicID, peers: [], backoff: 1 })),
              idontwant: [{ messageIDs: ids() }]
            }
          })
        ),
        messages: 1
      }
    },

    /** Nothing in these is wrong but that there are so many; and what others said, again. */
    async spam() {
      const messages = []
      for (let index = 0; index < messagesPerFrame; index++) {
        messages.push(count++ % 4 === 0 && init.heard.length > 0 ? some(init.heard) : await spam())
      }
      return publish(messages)
    }
  }
}

/** Signed, well-formed batches about jobs that do not exist. */
function spammer({ network, privateKey }: HostileInit): () => Promise<{ topic: string; data: Uint8Array }> {
  const self = peerKeyOf(privateKey)
  const codecs = Object.fromEntries(topicKinds.map(kind => [kind, envelopeCodec(network, kind)])) as Record<
    TopicKind,
    ReturnType<typeof envelopeCodec>
  >
  const hash = (): `0x${string}` => `0x${randomBytes(32).toString('hex')}`
  const many = <T>(make: () => T): T[] => Array.from({ length: 8 }, make)
  let jobId = 0n
  let count = 0

  const payloads: Record<TopicKind, (nowMs: number) => Uint8Array> = {
    jobs: nowMs =>
      encodeJobs(
        many(() => ({
          key: '',
          jobId: ++jobId,
          blockNumber: 1,
          blockHash: hash(),
          txHash: hash(),
          logIndex: 0,
          dataHash: hash()
        })),
        nowMs
      ),
    leases: nowMs =>
      encodeLeases(
        many(() => ({
          job: hash().slice(2),
          worker: self,
          startMs: nowMs,
          expiresMs: nowMs + 10_000,
          sequence: 0,
          release: undefined
        })),
        self,
        nowMs
      ),
    results: nowMs =>
      encodeResults(
        many(() => ({ job: hash().slice(2), jobId: ++jobId, txHash: hash() })),
        nowMs
      ),
    presence: nowMs =>
      encodePresence(
        {
          worker: self,
          account: `0x${randomBytes(20).toString('hex')}`,
          models: [],
          capacity: 1,
          load: 0,
          sentAtMs: nowMs
        },
        self
      )
  }
  return async () => {
    const kind = topicKinds[count++ % topicKinds.length] as TopicKind
    const data = await codecs[kind].seal(payloads[kind](Date.now()), privateKey)
    return { topic: topicOf(network, kind), data }
  }
}

/** The bytes after their length, as a varint; or after another length than theirs. */
function prefixed(bytes: Uint8Array, length = bytes.byteLength): Uint8Array {
  const prefix: number[] = []
  for (let rest = length; ; rest = Math.floor(rest / 128)) {
    prefix.push(rest < 128 ? rest : (rest % 128) + 128)
    if (rest < 128) break
  }
  return Buffer.concat([Uint8Array.from(prefix), bytes])
}
