import type { Lease, LeaseTiming, PeerKey } from '../../interface/index.js'
import { InvalidMessageError, maximalLeaseMs, ReleaseReason } from '../../interface/index.js'
import {
  checkNotEmpty,
  decodePayload,
  hashBytes,
  readHash,
  readInteger,
  writeHex,
  writeInteger
} from '../fields.js'
import { messageLimits } from '../limits.js'
import { type LeaseRecord, Leases } from '../messages.js'
import { RejectError } from './errors.js'
import { checkBatchAge, type LeaseTime, leaseTime } from './time.js'

/** The leases of a batch, and how many of it time has left out. */
export interface ValidatedLeases {
  timely: Lease[]
  untimely: Record<Exclude<LeaseTime, 'timely'>, number>
}

/** Any time that a lease may name: a double holds it exactly, and so does its sum with a duration. */
const maxTimeMs = 2 ** 50

/**
 * The leases of a batch; `worker` of each is the author, as the message has no other, so nobody can claim for another.
 * Throws RejectError or IgnoreError.
 */
export function validateLeases(
  payload: Uint8Array,
  author: PeerKey,
  nowMs: number,
  timing: Pick<LeaseTiming, 'skewMs' | 'slotMs'>,
  isPassedOn = false
): ValidatedLeases {
  // Rule: the payload is a Leases of at most 256 leases.
  const message = decodePayload(Leases, payload)
  const leases = readLeases(message, author)
  const { sentAtMs } = message

  // Rule: the batch was signed lately. By sync come leases of any age that still hold.
  if (!isPassedOn) checkBatchAge(sentAtMs, nowMs)

  // Rule: each lease is of its time. One that is not does not harm its batch.
  const timely: Lease[] = []
  const untimely = { early: 0, late: 0, expired: 0 }
  for (const lease of leases) {
    const time = leaseTime(lease, nowMs, timing, isPassedOn)
    if (time === 'timely') timely.push(lease)
    else untimely[time]++
  }
  return { timely, untimely }
}

/** The leases of a message by the rules that no clock decides. Throws RejectError. */
export function readLeases({ sentAtMs, leases: records }: Leases, author: PeerKey): Lease[] {
  // Rule: a batch holds at least one lease.
  checkNotEmpty(records)

  // Rule: each lease keeps the rules that no clock decides.
  return records.map(record => readLease(record, author, sentAtMs))
}

function readLease(record: LeaseRecord, author: PeerKey, sentAtMs: number): Lease {
  const startMs = readInteger(record.startMs, 1, maxTimeMs, 'startMs')
  const sequence = readInteger(record.sequence, 0, messageLimits.sequence, 'sequence')

  // Rule: the reason of a release is known.
  const release = Object.values(ReleaseReason).find(reason => reason === record.release)
  if (release === undefined && record.release !== 0) {
    throw new RejectError('value', `${record.release} is not a reason of a release`)
  }

  // Rule: a claim is not a release; there is nothing yet to give up.
  if (release !== undefined && sequence === 0)
    throw new RejectError('value', 'The first lease of a claim is a release')

  // Rule: a lease ends after it starts. A release may end at its start.
  const durationMs = readInteger(record.durationMs, release === undefined ? 1 : 0, maxTimeMs, 'durationMs')
  const expiresMs = startMs + durationMs

  // Rule: no lease holds longer than the maximum, counted from its claim, or from the signing of its renewal.
  const sinceMs = sequence === 0 ? startMs : Math.max(startMs, sentAtMs)
  if (expiresMs > sinceMs + maximalLeaseMs)
    throw new RejectError('value', `A lease holds over ${maximalLeaseMs} ms`)

  return { job: readHash(record.job, 'job'), worker: author, startMs, expiresMs, sequence, release }
}

/** Throws InvalidMessageError for a lease that receivers would reject, or that is another worker's. */
export function encodeLeases(leases: Lease[], worker: PeerKey, sentAtMs: number): Uint8Array {
  return Leases.encode({
    sentAtMs,
    proofs: [],
    leases: leases.map(lease => {
      if (lease.worker !== worker)
        throw new InvalidMessageError(`A lease of ${lease.worker} cannot be published here`)
      return {
        job: writeHex(lease.job, hashBytes, 'job'),
        startMs: writeInteger(lease.startMs, maxTimeMs, 'startMs'),
        durationMs: writeInteger(lease.expiresMs - lease.startMs, maxTimeMs, 'expiresMs - startMs'),
        sequence: writeInteger(lease.sequence, messageLimits.sequence, 'sequence'),
        release: lease.release ?? 0
      }
    })
  })
}
