import type { JobKey } from '../interface/bytes.js'
import { InvalidMessageError } from '../interface/errors.js'
import type { JobReference } from '../interface/job.js'
import type { SyncConversation } from '../interface/sync.js'
import { bucketCount, bucketDigestBytes, type JobIndex, shortIdBytes } from './job-index.js'
import { syncLimits } from './limits.js'
import { SyncRequest, SyncResponse } from './messages.js'
import { SyncKind } from './responder.js'

/** Where what a peer tells goes. All of it is checked there: nothing is believed because it came by sync. */
export interface SyncSink {
  onJobs(jobs: JobReference[], peer: string): void
  /** A peer says that these jobs are final. */
  onClosed(jobs: { job: JobKey; jobId: bigint }[]): void
  /** A signed envelope of the topic. Rejects where it breaks a rule that no honest node breaks. */
  onEnvelope(kind: 'leases' | 'presence', envelope: Uint8Array): Promise<void>
  onProof(proof: { job: Uint8Array; first: Uint8Array; second: Uint8Array }): Promise<void>
}

export interface RequesterComponents {
  jobs: JobIndex
  sink: SyncSink
  /** Reads JobAnnouncements. Throws InvalidMessageError. */
  codec: { decode(bytes: Uint8Array): JobReference[] }
}

/** What one conversation brought. */
export interface SyncOutcome {
  /** The peer knew the same open jobs. */
  isEqual: boolean
  jobs: number
  /** The peer keeps leases, and has told them. */
  hasLeases: boolean
  envelopes: number
  bytes: number
  requests: number
}

/**
 * Asks one peer for what this node lacks. Equal nodes exchange some hundred bytes; nodes that differ, the digests of their
 * buckets, and then of each bucket that differs what only the other has.
 *
 * @param withLeases also ask for presence and live leases: this node joins, or was apart
 */
export async function requestAll(
  { jobs: index, sink, codec }: RequesterComponents,
  conversation: SyncConversation,
  peer: string,
  withLeases: boolean
): Promise<SyncOutcome> {
  const outcome: SyncOutcome = {
    isEqual: true,
    jobs: 0,
    hasLeases: false,
    envelopes: 0,
    bytes: 0,
    requests: 0
  }

  async function ask(request: Partial<SyncRequest>): Promise<SyncResponse> {
    if (outcome.requests >= syncLimits.conversationRequests)
      throw new InvalidMessageError('The peer has no end of answers')
    const bytes = SyncRequest.encode(request)
    const answer = await conversation.ask(bytes)
    outcome.requests++
    outcome.bytes += bytes.byteLength + answer.byteLength
    return SyncResponse.decode(answer)
  }

  async function admit(kind: 'leases' | 'presence', envelopes: Uint8Array[]): Promise<void> {
    for (const envelope of envelopes) {
      await sink.onEnvelope(kind, envelope)
      outcome.envelopes++
    }
  }

  async function bucketsThatDiffer(): Promise<number[]> {
    const { buckets: theirs } = await ask({ kind: SyncKind.Buckets })
    if (theirs.byteLength !== bucketCount * bucketDigestBytes)
      throw new InvalidMessageError(`The digests of a peer are ${theirs.byteLength} bytes long`)
    const ours = index.digests()
    return Array.from({ length: bucketCount }, (_, number) => number).filter(number => {
      const at = number * bucketDigestBytes
      return (
        Buffer.compare(
          theirs.subarray(at, at + bucketDigestBytes),
          ours.subarray(at, at + bucketDigestBytes)
        ) !== 0
      )
    })
  }

  /** As many buckets as the known jobs of a request have room for; at least one. */
  function nextRequest(buckets: number[]): { numbers: number[]; known: Uint8Array } {
    const numbers: number[] = []
    const parts: Uint8Array[] = []
    let sizeBytes = 0
    for (const number of buckets) {
      const ids = index.shortIds(number)
      if (numbers.length > 0 && sizeBytes + ids.byteLength > syncLimits.knownIds * shortIdBytes) break
      numbers.push(number)
      parts.push(ids)
      sizeBytes += ids.byteLength
    }
    return { numbers, known: Buffer.concat(parts).subarray(0, syncLimits.knownIds * shortIdBytes) }
  }

  function onClosed(ids: Uint8Array): void {
    const hex = Buffer.from(ids.buffer, ids.byteOffset, ids.byteLength).toString('hex')
    const found: { job: JobKey; jobId: bigint }[] = []
    for (let at = 0; at + 2 * shortIdBytes <= hex.length; at += 2 * shortIdBytes) {
      for (const { key, jobId } of index.named(hex.slice(at, at + 2 * shortIdBytes)))
        found.push({ job: key, jobId })
    }
    if (found.length > 0) sink.onClosed(found)
  }

  async function jobsOf(buckets: number[]): Promise<void> {
    let left = buckets
    while (left.length > 0) {
      const { numbers, known } = nextRequest(left)
      const answer = await ask({ kind: SyncKind.Jobs, buckets: Uint8Array.from(numbers), known })
      let received = 0
      const before = index.size
      for (const batch of answer.jobs) {
        const references = codec.decode(batch)
        received += references.length
        sink.onJobs(references, peer)
      }
      outcome.jobs += received
      onClosed(answer.closed)
      const done = Math.min(answer.done, numbers.length)
      // What this node does not take in would be sent again and again.
      const isStuck = done === 0 && index.size === before
      left = left.slice(isStuck ? 1 : done)
    }
  }

  const { proofs } = await ask({ kind: SyncKind.Proofs })
  for (const proof of proofs) await sink.onProof(proof)
  if (withLeases) await admit('presence', (await ask({ kind: SyncKind.Presence })).envelopes)

  const { count, digest } = await ask({ kind: SyncKind.Summary })
  outcome.isEqual = count === index.size && Buffer.compare(digest, index.digest()) === 0
  if (!outcome.isEqual) await jobsOf(await bucketsThatDiffer())

  if (withLeases || outcome.jobs > 0) {
    for (let page = 0, more = true; more; page++) {
      const answer = await ask({ kind: SyncKind.Leases, page })
      outcome.hasLeases = !answer.keepsNone
      await admit('leases', answer.envelopes)
      more = answer.more && answer.envelopes.length > 0
    }
  }
  return outcome
}
