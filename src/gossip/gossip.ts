import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type {
  Clock,
  EquivocationProof,
  Gossip,
  GossipHandlers,
  JobReference,
  Lease,
  LeaseTiming,
  Logger,
  NetworkIdentity,
  PeerKey,
  Presence,
  PubSub,
  ResultNotice,
  Verdict
} from '../interface/index.js'
import { GossipError, InvalidMessageError } from '../interface/index.js'
import { envelopeCodec } from './envelope.js'
import { holdingQueue } from './holding-queue.js'
import {
  gatherMs,
  holdingLimits,
  messageLimits,
  rateLimits,
  sendMessages,
  sendQueueItems,
  tableLimits
} from './limits.js'
import type { EquivocationRecord } from './messages.js'
import { publisher } from './publisher.js'
import { quickKeys } from './quick-keys.js'
import { rateLimiter, tokenBucket } from './rate-limit.js'
import { receivers } from './receivers.js'
import { count, emptyStats, type GossipStats } from './stats.js'
import { type TopicKind, topicKinds, topicOf } from './topic.js'
import { FloodError, IgnoreError, RejectError } from './validation/errors.js'
import { encodeJobs, type JobKeyOf, validateJobs } from './validation/jobs.js'
import { encodeLeases } from './validation/leases.js'
import { encodePresence } from './validation/presence.js'
import { encodeProof, validateProof } from './validation/proofs.js'
import { encodeResults } from './validation/results.js'
import { leaseTime } from './validation/time.js'

export interface GossipInit {
  network: NetworkIdentity
  timing: LeaseTiming
  /** How many workers are known to be live, and hear each message. Default: few. */
  workers?(): number
}

export interface GossipComponents {
  pubsub: PubSub
  /** The node's Ed25519 key: all that it publishes is signed with it. */
  privateKey: PrivateKey
  clock: Clock
  logger: Logger
  handlers: GossipHandlers
  /** The key of a job of this network. Announcements do not carry it: receivers compute it. */
  jobKeyOf: JobKeyOf
}

/** Gossip, and what it has counted. */
export interface GossipService extends Gossip {
  /** Tells that a worker claimed a job twice in one slot. Throws InvalidMessageError for a proof that is too long. */
  publishProof(proof: EquivocationProof): Promise<void>
  /**
   * Takes a signed batch that another node passes on by sync: the same rules as for gossip, save those of age and rate.
   * Throws RejectError for what no honest node passes on.
   */
  admit(kind: 'leases' | 'presence', envelope: Uint8Array): Promise<void>
  /** The same for a proof. */
  admitProof(record: EquivocationRecord): Promise<void>
  /** Announcements of up to `batchItems` jobs as bytes, for sync. `decode` throws RejectError or IgnoreError. */
  jobCodec: {
    batchItems: number
    encode(jobs: JobReference[]): Uint8Array
    decode(payload: Uint8Array): JobReference[]
  }
  stats(): GossipStats
}

/**
 * The signed batches of the four topics over any PubSub: publishes what the stages say, and gives them what peers say
 * after checking form, signature, size, rate and time. See docs/protocol.md, "Messages".
 *
 * @example
 * const node = gossip({ network, timing: localTiming })({ pubsub, privateKey, clock, logger, handlers, jobKeyOf })
 * await node.start()
 * await node.publishJobs([reference])
 */
export function gossip(init: GossipInit): (components: GossipComponents) => GossipService {
  return ({ pubsub, privateKey, clock, logger, handlers, jobKeyOf }) => {
    const self = Buffer.from(privateKey.publicKey.raw).toString('hex')
    const stats = emptyStats()
    const holding = holdingQueue(holdingLimits)({ clock })
    const authors = quickKeys()
    const leaseEnvelopes = envelopeCodec(init.network, 'leases', authors)
    const receive = receivers(init.timing)({ handlers, holding, jobKeyOf, leaseEnvelopes })
    const peerMessages = rateLimiter(rateLimits.peerMessages, tableLimits.peers)({ clock })
    const ownExcess = rateLimiter(rateLimits.ownExcess, tableLimits.peers)({ clock })
    const ownUnproven = rateLimiter(rateLimits.ownUnproven, tableLimits.peers)({ clock })

    /** Ignored, unless it is the author itself that sends far too much: then the author is penalised. */
    function tooMuch(from: string, author: PeerKey, message: string): Error {
      const isItsOwn = peerKeyOfText(from) === author
      return isItsOwn && !ownExcess.take(author) ? new FloodError(message) : new IgnoreError('rate', message)
    }
    const audience = () => ({ workers: init.workers?.() ?? 1, slotMs: init.timing.slotMs })
    let state: 'new' | 'started' | 'stopped' = 'new'

    function topic<T>(
      kind: TopicKind,
      encode: (items: T[]) => Uint8Array,
      batchItems: number,
      onSent?: (items: T[], envelope: Uint8Array) => void
    ) {
      const name = topicOf(init.network, kind)
      const envelopes = envelopeCodec(init.network, kind, authors)
      const rates =
        kind === 'presence'
          ? { author: rateLimits.authorPresence, send: rateLimits.sendPresence }
          : { author: rateLimits.authorMessages, send: () => sendMessages(kind, audience()) }
      const authorMessages = rateLimiter(rates.author, tableLimits.authors)({ clock })
      const authorItems = rateLimiter(rateLimits.authorItems, tableLimits.authors)({ clock })
      const unproven = tokenBucket(rateLimits.unproven[kind])({ clock })
      const peerUnproven = rateLimiter(rateLimits.peerUnproven[kind], tableLimits.peers)({ clock })
      const authorUnproven = rateLimiter(rateLimits.authorUnproven, tableLimits.authors)({ clock })
      const passedUnproven = rateLimiter(rateLimits.passedUnproven, tableLimits.peers)({ clock })
      const inbound = stats[kind].in

      async function send(items: T[]): Promise<void> {
        await sendNow(encode(items), items.length, items)
      }

      async function sendNow(payload: Uint8Array, count = 1, items: T[] = []): Promise<void> {
        const data = await envelopes.seal(payload, privateKey)
        if (data.byteLength > messageLimits.envelopeBytes) {
          throw new InvalidMessageError(
            `A message of ${data.byteLength} bytes is too long for the topic ${kind}`
          )
        }
        const outbound = stats[kind].out
        outbound.messages++
        outbound.bytes += data.byteLength
        outbound.items += count
        await pubsub.publish(name, data)
        onSent?.(items, data)
      }

      /**
       * What came over a link beyond its share of authors about whom nothing is known. Honest peers pass such things on, too: what
       * they took of their own links, and of authors that they know already. So only what is beyond that is held against the peer.
       */
      function tooMuchUnproven(from: string, author: PeerKey): Error {
        const message = 'Unknown authors send too much'
        // They may all be known to others. Nor is it counted: when this node can ask again, it takes a while.
        if (handlers.canAsk?.() === false) return new IgnoreError('unproven', message)
        const isAllowed =
          peerKeyOfText(from) === author ? ownUnproven.take(author) : passedUnproven.take(from)
        return isAllowed ? new IgnoreError('unproven', message) : new FloodError(message)
      }

      /** Throws RejectError, FloodError or IgnoreError for what is not to be passed on. */
      async function check(from: string, data: Uint8Array): Promise<number> {
        // Rule: a peer sends no more than its rate. First, as all that follows costs time.
        if (!peerMessages.take(from)) throw new IgnoreError('rate', 'The peer sends too many messages')
        const { author, payload } = await envelopes.open(data)
        if (state !== 'started') throw new IgnoreError('stopped', 'The node is stopped')
        // Rule: what this node wrote itself is no news; but a lease may be of a twin, or of an earlier run.
        if (author === self && kind !== 'leases')
          throw new IgnoreError('own', 'The message is from this node')
        // Rule: who was proven to lie is not listened to for a while.
        if (handlers.isShunned?.(author)) throw new IgnoreError('shunned', 'The author is shunned')
        // Rule: authors of whom nothing is known share one allowance. Before their own rates, which keys without number add up.
        if (handlers.isProven?.(author, kind) === false) {
          const cost = Math.ceil(data.byteLength / 1_024)
          // What one of them sends too much takes nothing of what the others share.
          if (!authorUnproven.take(author, cost) || !peerUnproven.take(from, cost))
            throw tooMuchUnproven(from, author)
          if (!unproven.take(cost)) throw new IgnoreError('unproven', 'Unknown authors send too much')
        }
        // Rule: an author sends no more than its rate. After the signature, or others could use it up.
        if (!authorMessages.take(author)) throw tooMuch(from, author, 'The author sends too many messages')
        const charge = (items: number): void => {
          if (!authorItems.take(author, items)) throw tooMuch(from, author, 'The author sends too many items')
        }
        return receive[kind]({
          data,
          payload,
          author,
          nowMs: clock.now(),
          isPassedOn: false,
          stats: inbound,
          charge,
          chargeSignatures(signatures) {
            if (!peerMessages.take(from, signatures))
              throw new IgnoreError('rate', 'The peer sends too many messages')
          }
        })
      }

      /** What a node that was asked passes on: of any age, and at its own rate. */
      async function admit(data: Uint8Array): Promise<void> {
        const { author, payload } = await envelopes.open(data)
        if (state !== 'started' || handlers.isShunned?.(author)) return
        if (author === self && kind !== 'leases') return
        try {
          const charge = (): void => {}
          await receive[kind]({
            data,
            payload,
            author,
            nowMs: clock.now(),
            isPassedOn: true,
            stats: inbound,
            charge,
            chargeSignatures: charge
          })
        } catch (err) {
          if (!(err instanceof IgnoreError)) throw err
          count(inbound.ignored, err.reason)
        }
      }

      async function validate(from: string, data: Uint8Array): Promise<Verdict> {
        inbound.messages++
        inbound.bytes += data.byteLength
        try {
          inbound.items += await check(from, data)
          inbound.accepted++
          return 'accept'
        } catch (err) {
          if (err instanceof RejectError) {
            count(inbound.rejected, err.reason)
            logger.debug({ kind, from, reason: err.reason, err }, 'rejected a message')
            return 'reject'
          }
          if (err instanceof FloodError) {
            inbound.floods++
            pubsub.penalise?.(from)
            logger.debug({ kind, from, err }, 'a peer sends far too much')
            return 'ignore'
          }
          if (err instanceof IgnoreError) {
            count(inbound.ignored, err.reason)
            logger.trace({ kind, from, reason: err.reason }, 'ignored a message')
            return 'ignore'
          }
          // A handler failed: this node's own fault, so the message goes on to others.
          logger.error({ kind, from, err }, 'a handler failed on a message')
          return 'accept'
        }
      }

      const out = publisher<T>({
        batchItems,
        queueItems: sendQueueItems,
        messages: rates.send,
        gatherMs: () => gatherMs(kind, audience()),
        items: rateLimits.sendItems
      })({ clock, send })

      async function publish(items: T[]): Promise<void> {
        if (state === 'new') throw new GossipError('The node is not started: nothing can be published')
        return out.publish(items)
      }

      return { name, validate, admit, publish, sendNow, stop: () => out.stop() }
    }

    const topics = {
      jobs: topic<JobReference>('jobs', items => encodeJobs(items, clock.now()), messageLimits.batchItems),
      leases: topic<Lease>(
        'leases',
        items => encodeLeases(items, self, clock.now()),
        messageLimits.batchItems,
        (items, envelope) => handlers.onOwnLeases?.(items, envelope)
      ),
      results: topic<ResultNotice>(
        'results',
        items => encodeResults(items, clock.now()),
        messageLimits.batchItems
      ),
      // Only the latest presence says anything: the batch is cut to it.
      presence: topic<Presence>(
        'presence',
        items => {
          const latest = items.at(-1)
          if (latest === undefined) throw new InvalidMessageError('There is no presence to publish')
          return encodePresence(latest, self)
        },
        sendQueueItems,
        (_, envelope) => handlers.onOwnPresence?.(envelope)
      )
    }

    return {
      start() {
        if (state !== 'new') return
        state = 'started'
        for (const kind of topicKinds) pubsub.subscribe(topics[kind].name, topics[kind].validate)
      },

      async stop() {
        if (state !== 'started') return
        // What waits is sent first: it may be the releases of a worker that shuts down.
        await Promise.all(topicKinds.map(kind => topics[kind].stop()))
        state = 'stopped'
        for (const kind of topicKinds) pubsub.unsubscribe(topics[kind].name)
        holding.clear()
      },

      publishJobs: jobs => topics.jobs.publish(jobs),
      publishLeases: leases => topics.leases.publish(leases),
      publishResults: notices => topics.results.publish(notices),
      async publishProof(proof) {
        if (state === 'new') throw new GossipError('The node is not started: nothing can be published')
        await topics.leases.sendNow(encodeProof(proof))
      },
      admit: (kind, envelope) => topics[kind].admit(envelope),
      async admitProof(record) {
        const proof = await validateProof(record, leaseEnvelopes, init.timing)
        if (state === 'started') handlers.onProof?.(proof)
      },
      jobCodec: {
        batchItems: messageLimits.batchItems,
        encode: jobs => encodeJobs(jobs, clock.now()),
        decode: payload => validateJobs(payload, clock.now(), jobKeyOf)
      },
      publishPresence: presence => topics.presence.publish([presence]),

      jobsKnown(keys) {
        const nowMs = clock.now()
        for (const { author, leases, envelope } of holding.release(keys)) {
          // Their start was judged on arrival; only the end may have come since.
          const live = leases.filter(lease => leaseTime(lease, nowMs, init.timing) !== 'expired')
          count(stats.leases.in.dropped, 'expired', leases.length - live.length)
          if (live.length === 0) continue
          stats.leases.in.items += live.length
          handlers.onLeases(live, author, envelope)
        }
      },

      stats: () => structuredClone({ topics: stats, held: holding.size })
    }
  }
}

/** The peer key of a peer id as text; undefined for what is none, or no Ed25519 key's. */
function peerKeyOfText(peerId: string): PeerKey | undefined {
  try {
    const { publicKey } = peerIdFromString(peerId)
    return publicKey?.type === 'Ed25519' ? Buffer.from(publicKey.raw).toString('hex') : undefined
  } catch {
    // Peers of other networks than libp2p's have other names.
    return undefined
  }
}
