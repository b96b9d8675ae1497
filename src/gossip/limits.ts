/**
 * Every size, queue and rate of the gossip stage, with the source of each number. Together they bound what a stranger
 * can cost a node; docs/protocol.md states the bound.
 */

import type { Rate } from './rate-limit.js'
import type { TopicKind } from './topic.js'

/** Sizes and counts of one message. */
export const messageLimits = {
  /**
   * Bytes of one envelope. 256 job announcements, the largest full batch, take 28 KiB, and a presence 9 KiB.
   * Twice that leaves room for fields of later versions.
   */
  envelopeBytes: 64 * 1024,
  /** Bytes of the two envelopes of a proof of equivocation: two full batches of 256 leases take 29 KiB. */
  proofBytes: 32 * 1024,
  /** Proofs in one message. This node sends one at a time; the rest is for later versions. */
  proofs: 4,
  /** Jobs, leases or results in one batch. Measured: past about 50, a signature is no longer what a job costs. */
  batchItems: 256,
  /** Models of one presence: more than a worker keeps on disk. */
  presenceModels: 128,
  /**
   * Characters of all of them together: 128 of 59. Every node keeps the presence of 10,000 workers (src/lease/roster.ts): at
   * this length, and with an index entry for each model, they are 200 MB at the worst, and 10 MB with three models each.
   */
  presenceModelChars: 8 * 1024,
  /** Characters of a manifest's CID: CIDv1 with SHA-256 has 59 in base32; SHA-512 in base16 has 141. */
  modelChars: 144,
  /** Jobs that a worker says it runs at once: beyond any machine, and small enough to sum up. */
  capacity: 65_535,
  /** Renewals of one lease: at one each 100 ms, a day. */
  sequence: 1_000_000
} as const

/** How old a message may be, and what is remembered of old ones. */
export const ageLimits = {
  /**
   * A batch that was signed longer ago than this is a replay: gossipsub fetches lost messages for three heartbeats (2.1 s);
   * the rest is for a node that was paused. Must be below the 120 s for which gossipsub remembers message ids, so
   * that a message is always refused for the one reason or for the other.
   */
  batchAgeMs: 30_000,
  /** A batch from further in the future than this comes from a broken clock. Leases and presence are held to ε instead. */
  batchFutureMs: 30_000
} as const

/** Token buckets: `perSecond` in the long run, `burst` at once. */
export const rateLimits = {
  /**
   * Messages of one relaying peer, whoever wrote them, and the two further signatures of each proof in them. A fifth of the
   * 10,000 signatures a second that one core checks.
   */
  peerMessages: { perSecond: 2_000, burst: 4_000 },
  /** Batches of one author on one topic: twice what an honest node sends (`sendMessages`). */
  authorMessages: { perSecond: 1_000, burst: 1_000 },
  /** Jobs, leases or results of one author: twice what an honest node sends (`sendItems`). */
  authorItems: { perSecond: 20_000, burst: 40_000 },
  /** Presences of one author: twice what an honest node sends (`sendPresence`). */
  authorPresence: { perSecond: 5, burst: 20 },
  /**
   * KiB of messages of authors about whom nothing is known, on one topic, all of them together: keys are free, so this is what
   * made-up ones can have passed on. In the long run, few are unknown for longer than a look at the chain: 128 KiB are 300 presences, or 1,100
   * jobs. At once: the presence of 4,000 workers that a node hears as it joins, or 35,000 jobs of a sequencer that was not right
   * yet. Leases of workers that are not known yet wait in a small number (src/lease/waiting-leases.ts), and their news of results is
   * not heard at all: what is lost comes by sync.
   */
  unproven: {
    jobs: { perSecond: 128, burst: 4_096 },
    leases: { perSecond: 64, burst: 2_048 },
    results: { perSecond: 16, burst: 512 },
    presence: { perSecond: 128, burst: 4_096 }
  },
  /** The same over one relaying peer: a quarter, so that strangers on a few links leave room for newcomers on others. */
  peerUnproven: {
    jobs: { perSecond: 32, burst: 2_048 },
    leases: { perSecond: 16, burst: 1_024 },
    results: { perSecond: 4, burst: 256 },
    presence: { perSecond: 32, burst: 2_048 }
  },
  /**
   * The same of one author, over whatever links, so that it takes a liar many keys to fill them. A sequencer says 9,000 open jobs at once,
   * and 140 a second until one of them is found on the chain.
   */
  authorUnproven: { perSecond: 16, burst: 1_024 },
  /**
   * Messages beyond its rate that a peer may send of its own without being penalised. Honest nodes stay below half of the
   * rates above, so there are none but after a pause, when what waited comes at once. Only of its own: a peer cannot help
   * what others write, and passes on what it took within its own rates.
   */
  ownExcess: { perSecond: 10, burst: 200 },
  /**
   * Messages beyond `peerUnproven`, on all topics together, that a peer of which nothing is known may send of its own before it is
   * penalised. A sequencer whose jobs no worker had time to check says 10,000 open jobs a second, in 40 messages (`sendItems`), and
   * goes on with that for a minute if it has 100,000. At once: four seconds of a worker whose registration is still looked up.
   */
  ownUnproven: { perSecond: 50, burst: 2_000 },
  /**
   * The same for messages of others, on one topic. What an honest peer passes on of unknown authors is what it took itself
   * (`unproven`), a few links' worth; and of authors that it knows and this node does not yet, for as long as a look at the
   * registry takes. Only a peer that makes up keys, or keeps no rule, is above it.
   */
  passedUnproven: { perSecond: 512, burst: 4_096 },
  /**
   * Batches that this node sends on one topic. Below it, a publish is never delayed. Above it, batches grow instead:
   * measured, a node handles about 500 small messages a second beside its other work.
   */
  sendMessages: { perSecond: 500, burst: 100 },
  /** Presences that this node sends: one a second, and some as its load changes. Of those that wait, the latest is sent. */
  sendPresence: { perSecond: 2.5, burst: 10 },
  /** Jobs, leases or results that this node sends on one topic: twice the 4,000 jobs a second that the project goes for. */
  sendItems: { perSecond: 10_000, burst: 20_000 }
} as const

/** Who hears what this node sends. */
export interface Audience {
  /** How many workers are live. */
  workers: number
  /** Δ of the network. */
  slotMs: number
}

/**
 * Messages that this node sends on a topic where so many workers hear each of them. All of them may have much to say at once, as when
 * thousands of jobs come in one block, so the share of each shrinks with their number, and batches grow instead. Claims wait for
 * a sixteenth of a slot at most, a quarter of what others leave to an owner; news of results, for which nobody waits while the lease
 * on the job holds, for a slot.
 */
export function sendMessages(kind: TopicKind, { workers, slotMs }: Audience): Rate {
  const { perSecond, burst } = rateLimits.sendMessages
  const { all, eachSlot } = sharedRates[kind === 'results' ? 'results' : 'others']
  const share = all / Math.max(1, workers)
  const least = (eachSlot * 1_000) / slotMs
  return {
    perSecond: Math.min(perSecond, Math.max(least, share)),
    burst: Math.min(burst, Math.max(1, share / least))
  }
}

/** How long a batch gathers before it leaves. Claims do not wait where none went before them; in a small network, nothing does. */
export function gatherMs(kind: TopicKind, audience: Audience): number {
  const isLarge = audience.workers > fewWorkers
  return kind === 'results' && isLarge ? 1_000 / sendMessages(kind, audience).perSecond : 0
}

/** Workers of a network in which each may hear of all at once. */
const fewWorkers = 16
/** Messages a second that all workers of a network send on one topic, and the least that each may send in a slot. */
const sharedRates = { others: { all: 20_000, eachSlot: 16 }, results: { all: 2_500, eachSlot: 1 } }

/**
 * An envelope is kept as evidence if it costs at most this much for each of its leases that counts, or of its one presence.
 * A claim is signed in some 56 bytes, its envelope and the first one in 200. What is longer was padded, so that memory is
 * lost with it.
 */
export const evidenceBytesPerItem = 512

/** Entries of tables in memory. Each table drops what was used longest ago. */
export const tableLimits = {
  /** Relaying peers with a bucket: three times the connection limit, as peers come and go. About 200 bytes each. */
  peers: 1_024,
  /** Authors with a bucket, a topic. About 200 bytes each. */
  authors: 4_096
} as const

/** Leases that wait for their job. */
export const holdingLimits = {
  /** In all: about 300 bytes each, so 3 MB. A second of leases at 10,000 jobs a second. */
  total: 10_000,
  /** Of one author: a tenth, so that ten strangers are needed to fill the queue; more than a burst of one worker. */
  perAuthor: 1_000,
  /** A job's announcement trails its lease by a hop; re-announcement and sync come within this. */
  ageMs: 10_000
} as const

/** What waits to be published on one topic. About 500 bytes an item, so 25 MB; 5 s at the sending rate. */
export const sendQueueItems = 50_000
