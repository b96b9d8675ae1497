import type { GossipHandlers, Lease, LeaseTiming, PeerKey } from '../interface/index.js'
import type { EnvelopeCodec } from './envelope.js'
import { decodePayload } from './fields.js'
import type { HoldingQueue } from './holding-queue.js'
import { evidenceBytesPerItem } from './limits.js'
import { Leases } from './messages.js'
import { count, type TopicStats } from './stats.js'
import type { TopicKind } from './topic.js'
import { IgnoreError } from './validation/errors.js'
import { type JobKeyOf, validateJobs } from './validation/jobs.js'
import { validateLeases } from './validation/leases.js'
import { validatePresence } from './validation/presence.js'
import { validateProof } from './validation/proofs.js'
import { validateResults } from './validation/results.js'
import { checkBatchAge, checkPresenceAge } from './validation/time.js'

/** One message whose envelope is valid. */
export interface Received {
  /** The message as sent. */
  data: Uint8Array
  payload: Uint8Array
  author: PeerKey
  nowMs: number
  /** It came by sync, from a node that this one asked. */
  isPassedOn: boolean
  /** Counters of the topic. */
  stats: TopicStats['in']
  /** Charges the author for the items of the message; throws IgnoreError or FloodError if it sends too many. */
  charge(items: number): void
  /** Charges the peer that relayed the message for signatures beside the first; throws IgnoreError if it sends too many. */
  chargeSignatures(signatures: number): void
}

/**
 * Validates a payload and gives what it holds to the handlers. Returns how many items it gave; throws RejectError or
 * IgnoreError otherwise.
 */
export type Receiver = (message: Received) => number | Promise<number>

export interface ReceiverComponents {
  handlers: GossipHandlers
  holding: HoldingQueue
  jobKeyOf: JobKeyOf
  /** Opens the envelopes of the leases' topic. */
  leaseEnvelopes: EnvelopeCodec
}

/** A proof takes two signatures more to check, 80 µs each: as much as some hundred leases. */
const PROOF_COST = 200

/** One receiver for each kind of message. */
export function receivers(timing: Pick<LeaseTiming, 'skewMs' | 'slotMs'>) {
  return ({
    handlers,
    holding,
    jobKeyOf,
    leaseEnvelopes
  }: ReceiverComponents): Record<TopicKind, Receiver> => ({
    jobs({ payload, author, nowMs, charge }) {
      const jobs = validateJobs(payload, nowMs, jobKeyOf)
      charge(jobs.length)
      handlers.onJobs(jobs, author)
      return jobs.length
    },

    async leases({ data, payload, author, nowMs, isPassedOn, stats, charge, chargeSignatures }) {
      // Rule: a message holds leases of its author, or proofs against others.
      const { proofs } = decodePayload(Leases, payload)
      if (proofs.length > 0) {
        charge(proofs.length * PROOF_COST)
        // Authors cost nothing; the peer that relays is the one that is counted.
        chargeSignatures(2 * proofs.length)
        const valid = await Promise.all(proofs.map(proof => validateProof(proof, leaseEnvelopes, timing)))
        for (const proof of valid) handlers.onProof?.(proof)
        return valid.length
      }
      const { timely, untimely } = validateLeases(payload, author, nowMs, timing, isPassedOn)
      charge(timely.length)
      count(stats.dropped, 'early', untimely.early)
      count(stats.dropped, 'late', untimely.late)
      count(stats.dropped, 'expired', untimely.expired)

      // Rule: a batch in which no lease is of its time is of no use to others either.
      if (timely.length === 0)
        throw new IgnoreError(mostFrequent(untimely), 'No lease of the batch is of its time')

      // Rule: leases of unknown jobs wait here for their job. A batch of nothing else is not passed on.
      // The envelope is paid for by the leases that it is kept with, or one that counts could hold many that do not.
      const known: Lease[] = []
      const unknown: Lease[] = []
      for (const lease of timely) (handlers.isKnownJob(lease.job) ? known : unknown).push(lease)
      const heldIn = evidence(data, unknown.length)
      for (const lease of unknown) {
        if (isPassedOn || !holding.hold(lease, heldIn)) count(stats.dropped, 'unknown-job')
      }
      if (known.length === 0) throw new IgnoreError('unknown-job', 'No job of the batch is known')
      handlers.onLeases(known, author, evidence(data, known.length))
      return known.length
    },

    results({ payload, author, nowMs, charge }) {
      const notices = validateResults(payload, nowMs)
      charge(notices.length)
      handlers.onResults(notices, author)
      return notices.length
    },

    presence({ data, payload, author, nowMs, isPassedOn }) {
      const presence = validatePresence(payload, author)
      // Rule: the presence is of now. By sync comes that of workers that the other node heard lately.
      try {
        if (isPassedOn) checkBatchAge(presence.sentAtMs, nowMs)
        else checkPresenceAge(presence.sentAtMs, nowMs, timing)
      } catch (err) {
        if (!isPassedOn) handlers.onUntimelyPresence?.(presence)
        throw err
      }
      handlers.onPresence(presence, data.slice(), isPassedOn)
      return 1
    }
  })
}

/** A copy of the envelope, as the bytes may be part of a buffer that is many times as long. */
function evidence(data: Uint8Array, items: number): Uint8Array | undefined {
  return data.byteLength <= evidenceBytesPerItem * items ? data.slice() : undefined
}

function mostFrequent(untimely: Record<'early' | 'late' | 'expired', number>): 'early' | 'late' | 'expired' {
  if (untimely.expired >= untimely.late && untimely.expired >= untimely.early) return 'expired'
  return untimely.late >= untimely.early ? 'late' : 'early'
}
