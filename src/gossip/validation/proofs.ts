import type { EquivocationProof, JobKey, Lease, LeaseTiming } from '../../interface/index.js'
import { InvalidMessageError } from '../../interface/index.js'
import type { EnvelopeCodec } from '../envelope.js'
import { decodePayload, hashBytes, readHash, writeHex } from '../fields.js'
import { messageLimits } from '../limits.js'
import { type EquivocationRecord, Leases } from '../messages.js'
import { RejectError } from './errors.js'
import { readLeases } from './leases.js'

/** Checks one proof, whoever passed it on. Throws RejectError. */
export async function validateProof(
  record: EquivocationRecord,
  envelopes: EnvelopeCodec,
  { slotMs }: Pick<LeaseTiming, 'slotMs'>
): Promise<EquivocationProof> {
  const job = readHash(record.job, 'job')

  // Rule: the proof is no longer than this node itself would send.
  if (record.first.byteLength + record.second.byteLength > messageLimits.proofBytes)
    throw new RejectError('oversize', 'A proof of equivocation is too long')

  // Rule: both envelopes are signed batches of leases, by one author.
  const [first, second] = await Promise.all([envelopes.open(record.first), envelopes.open(record.second)])
  if (first.author !== second.author)
    throw new RejectError('value', 'A proof of equivocation holds batches of two authors')

  // Rule: each batch holds a lease of the job, with different starts in one slot.
  for (const a of leasesOf(first.payload, first.author, job)) {
    for (const b of leasesOf(second.payload, second.author, job)) {
      const isProof =
        a.startMs !== b.startMs && Math.floor(a.startMs / slotMs) === Math.floor(b.startMs / slotMs)
      if (isProof) return { leases: [a, b], envelopes: [record.first.slice(), record.second.slice()] }
    }
  }
  throw new RejectError('value', 'A proof of equivocation proves nothing')
}

/** Throws InvalidMessageError for a proof that is too long to be sent. */
export function encodeProof({
  leases: [{ job }],
  envelopes: [first, second]
}: EquivocationProof): Uint8Array {
  if (first.byteLength + second.byteLength > messageLimits.proofBytes)
    throw new InvalidMessageError('A proof of equivocation is too long to be sent')
  return Leases.encode({
    sentAtMs: 0,
    leases: [],
    proofs: [{ job: writeHex(job, hashBytes, 'job'), first, second }]
  })
}

function leasesOf(payload: Uint8Array, author: string, job: JobKey): Lease[] {
  return readLeases(decodePayload(Leases, payload), author).filter(lease => lease.job === job)
}
