import type { Clock } from '../interface/clock.js'
import { InvalidMessageError } from '../interface/errors.js'
import type { JobReference } from '../interface/job.js'
import type { EquivocationProof } from '../interface/lease.js'
import type { SyncAnswer } from '../interface/sync.js'
import { bucketCount, type JobIndex, shortIdBytes, shortIdOf } from './job-index.js'
import { syncLimits } from './limits.js'
import { SyncRequest, SyncResponse } from './messages.js'

/** What is asked for. Part of the wire format: append, never reorder. */
export const SyncKind = { Summary: 1, Buckets: 2, Jobs: 3, Leases: 4, Presence: 5, Proofs: 6 } as const
export type SyncKind = (typeof SyncKind)[keyof typeof SyncKind]

/** What a node can tell others. Leases, presence and proofs are signed by others than the one that tells. */
export interface SyncSource {
  jobs: JobIndex
  /** Undefined: this node keeps none, as it cannot tell whose leases count. */
  leases: (() => Uint8Array[]) | undefined
  presences(limit: number): Uint8Array[]
  proofs(): EquivocationProof[]
}

export interface ResponderComponents {
  source: SyncSource
  /** JobAnnouncements of the topic `jobs`, of at most `batchItems` jobs. */
  codec: { encode(jobs: JobReference[]): Uint8Array; batchItems: number }
  /** Buckets of tokens by peer. */
  limits: {
    takeRequest(peer: string): boolean
    takeBytes(peer: string, sizeBytes: number): boolean
    /** Work, in looks at a job or an id. */
    takeWork(peer: string, looks: number): boolean
  }
  clock: Clock
}

type Answer = Partial<SyncResponse>

/** Answers the requests of peers, within limits. */
export interface Responder {
  accept(peer: string): { answer: SyncAnswer; close(): void } | undefined
}

export function responder({ source, codec, limits, clock }: ResponderComponents): Responder {
  const open = new Map<string, number>()
  let total = 0
  let leaseList: Uint8Array[][] | undefined

  function work(peer: string, looks: number): void {
    if (!limits.takeWork(peer, looks)) throw new InvalidMessageError('The peer asks for too much work')
  }

  function jobsAnswer(peer: string, { buckets, known }: SyncRequest): Answer {
    // Rule: a bucket is asked for once, so that no job is looked at twice.
    if (new Set(buckets).size !== buckets.byteLength)
      throw new InvalidMessageError('A peer asks for a bucket twice')
    // Rule: a request costs what it makes this node look at. Before any of it is done.
    const idCount = Math.floor(known.byteLength / shortIdBytes)
    const jobs = buckets.reduce((sum, number) => sum + source.jobs.countOf(number), 0)
    work(peer, idCount + Math.min(jobs, idCount + syncLimits.answerJobs + 1))
    const knownIds = new Set<string>()
    const ids = Buffer.from(known.buffer, known.byteOffset, known.byteLength).toString('hex')
    for (let at = 0; at + 2 * shortIdBytes <= ids.length; at += 2 * shortIdBytes)
      knownIds.add(ids.slice(at, at + 2 * shortIdBytes))
    const missing: JobReference[] = []
    let done = 0
    for (const number of buckets) {
      for (const reference of source.jobs.bucket(number)) {
        if (missing.length > syncLimits.answerJobs) break
        if (!knownIds.has(shortIdOf(reference.key))) missing.push(reference)
      }
      // One more than may be sent: the bucket has more than there is room for.
      if (missing.length > syncLimits.answerJobs) break
      done++
    }
    const sent = missing.slice(0, syncLimits.answerJobs)
    work(peer, syncLimits.jobWork * sent.length)
    const batches: Uint8Array[] = []
    for (let at = 0; at < sent.length; at += codec.batchItems)
      batches.push(codec.encode(sent.slice(at, at + codec.batchItems)))
    const closed = [...knownIds].filter(id => source.jobs.wasFinal(id))
    return { jobs: batches, done, closed: Buffer.from(closed.join(''), 'hex') }
  }

  /** One list serves all that ask at about the same time: to make it, all leases are looked at. */
  function leasePages(leases: () => Uint8Array[]): Uint8Array[][] {
    if (leaseList !== undefined) return leaseList
    const list = paged(leases())
    leaseList = list
    // Not kept for longer, as it would hold leases that are forgotten.
    clock.schedule(syncLimits.leaseListMs, () => {
      leaseList = undefined
    })
    return list
  }

  function leasesAnswer(pages: Uint8Array[][], page: number): Answer {
    return { envelopes: pages[page] ?? [], more: page + 1 < pages.length }
  }

  function proofsAnswer(): Answer {
    const proofs = source.proofs().slice(-syncLimits.proofs)
    return {
      proofs: proofs.map(({ leases: [{ job }], envelopes: [first, second] }) => ({
        job: Buffer.from(job, 'hex'),
        first,
        second
      }))
    }
  }

  return {
    accept(peer) {
      const mine = open.get(peer) ?? 0
      if (mine >= syncLimits.conversationsPerPeer || total >= syncLimits.conversations) return undefined
      open.set(peer, mine + 1)
      total++
      const endMs = clock.steadyMs() + syncLimits.conversationMs
      let requests = 0
      let pages: Uint8Array[][] | undefined
      let closed = false

      function answerTo(request: SyncRequest): Answer {
        switch (request.kind) {
          case SyncKind.Summary:
            return { count: source.jobs.size, digest: source.jobs.digest() }
          case SyncKind.Buckets:
            return { buckets: source.jobs.digests() }
          case SyncKind.Jobs:
            return jobsAnswer(peer, request)
          case SyncKind.Leases:
            // As they are at the first page: while a conversation lasts, pages must not shift.
            if (source.leases === undefined) return { keepsNone: true }
            pages ??= leasePages(source.leases)
            work(peer, pages[request.page]?.length ?? 0)
            return leasesAnswer(pages, request.page)
          case SyncKind.Presence:
            work(peer, syncLimits.presences)
            return { envelopes: paged(source.presences(syncLimits.presences))[0] ?? [] }
          case SyncKind.Proofs:
            return proofsAnswer()
          default:
            throw new InvalidMessageError(`A peer asks for what this version does not know: ${request.kind}`)
        }
      }

      return {
        answer(bytes) {
          requests++
          if (bytes.byteLength > syncLimits.requestBytes)
            throw new InvalidMessageError('The request is too long')
          if (requests > syncLimits.conversationRequests || clock.steadyMs() > endMs)
            throw new InvalidMessageError('The conversation takes too long')
          if (!limits.takeRequest(peer)) throw new InvalidMessageError('The peer asks too often')
          const request = SyncRequest.decode(bytes)
          if (request.buckets.byteLength > bucketCount) throw new InvalidMessageError('Too many buckets')
          const answer = SyncResponse.encode(answerTo(request))
          if (!limits.takeBytes(peer, answer.byteLength))
            throw new InvalidMessageError('The peer asks for too much')
          return answer
        },
        close() {
          if (closed) return
          closed = true
          total--
          const left = (open.get(peer) ?? 1) - 1
          if (left === 0) open.delete(peer)
          else open.set(peer, left)
        }
      }
    }
  }
}

function paged(envelopes: Uint8Array[]): Uint8Array[][] {
  const pages: Uint8Array[][] = []
  let page: Uint8Array[] = []
  let sizeBytes = 0
  for (const envelope of envelopes) {
    if (sizeBytes + envelope.byteLength > syncLimits.envelopeBytes || page.length >= syncLimits.envelopes) {
      pages.push(page)
      page = []
      sizeBytes = 0
    }
    page.push(envelope)
    sizeBytes += envelope.byteLength
  }
  if (page.length > 0) pages.push(page)
  return pages
}
