import type { JobKey, PeerKey } from '../../src/interface/index.js'
import { score } from '../../src/lease/score.js'
import { isKnownEvent, type TimelineEvent } from '../../src/timeline/index.js'
import type { AskedNode, Claim } from './timeline-types.js'

/** An event with who said it, in this machine's time. */
export interface Said {
  event: TimelineEvent
  by: AskedNode
  atMs: number
}

/** What all reached nodes said, oldest first. */
export function sayings(nodes: AskedNode[]): Said[] {
  const all = nodes.flatMap(by =>
    (by.timeline?.events ?? []).filter(isKnownEvent).map(event => ({
      event,
      by,
      atMs: event.atMs - (by.timeline?.clockOffsetMs ?? 0)
    }))
  )
  return all.sort((a, b) => a.atMs - b.atMs)
}

/**
 * The claims that were told of, oldest first. What the claimant says itself goes before what others saw; what others saw
 * is all there is of one that is gone.
 */
export function collectClaims(said: Said[], nodes: AskedNode[]): Claim[] {
  const offsets = new Map(nodes.map(({ peerKey, timeline }) => [peerKey, timeline?.clockOffsetMs ?? 0]))
  const claims = new Map<string, Claim>()

  function claimOf(
    job: JobKey,
    worker: PeerKey,
    lease: { slot: number; startMs: number; expiresMs: number }
  ): Claim {
    const id = `${job} ${worker} ${lease.startMs}`
    const offsetMs = offsets.get(worker) ?? 0
    const known = claims.get(id) ?? {
      job,
      worker,
      slot: lease.slot,
      startMs: lease.startMs,
      expiresMs: lease.expiresMs,
      startedAtMs: lease.startMs - offsetMs,
      expiresAtMs: lease.expiresMs - offsetMs,
      score: score(job, worker),
      rank: undefined,
      renewals: 0,
      release: undefined,
      saidBy: new Set<string>()
    }
    claims.set(id, known)
    return known
  }

  function extend(claim: Claim, expiresMs: number): void {
    if (expiresMs <= claim.expiresMs) return
    claim.expiresAtMs += expiresMs - claim.expiresMs
    claim.expiresMs = expiresMs
  }

  /** The claim that an event of the claimant is about: its latest before it. */
  const latest = ({ event, by, atMs }: Said): Claim | undefined =>
    [...claims.values()]
      .filter(
        ({ job, worker, startedAtMs }) =>
          job === event.job && worker === by.peerKey && startedAtMs <= atMs + 1
      )
      .sort((a, b) => b.startMs - a.startMs)[0]

  for (const { event, by } of said) {
    if (event.type === 'lease:claimed') {
      const claim = claimOf(event.job, by.peerKey, event)
      claim.rank = event.rank
      claim.saidBy.add(by.peerId)
    } else if (event.type === 'lease:seen') {
      const claim = claimOf(event.job, event.worker, event)
      extend(claim, event.expiresMs)
      claim.saidBy.add(by.peerId)
      const renewals = event.release === undefined ? event.sequence : event.sequence - 1
      claim.renewals = Math.max(claim.renewals, renewals)
    }
  }
  for (const saying of said) {
    const { event, atMs } = saying
    if (event.type === 'lease:seen' && event.release !== undefined) {
      const claim = claimOf(event.job, event.worker, event)
      // The first who hears of it is nearest to when it happened.
      claim.release ??= { reason: event.release, atMs }
    } else if (event.type === 'lease:released') {
      const claim = latest(saying)
      if (claim !== undefined) claim.release = { reason: event.reason, atMs }
    } else if (event.type === 'lease:renewed') {
      const claim = latest(saying)
      if (claim !== undefined) extend(claim, event.expiresMs)
    }
  }
  return [...claims.values()].sort((a, b) => a.startedAtMs - b.startedAtMs)
}

/** The order of `holder()` in src/lease: the lowest slot, then the lowest score, then the lowest key. */
export function isBetterClaim(a: Claim, b: Claim): boolean {
  if (a.slot !== b.slot) return a.slot < b.slot
  if (a.score !== b.score) return a.score < b.score
  return a.worker === b.worker ? a.startMs < b.startMs : a.worker < b.worker
}

/** Two claims of one worker in one slot: neither counts. */
export function isVoid(claim: Claim, all: Claim[]): boolean {
  return all.some(
    other =>
      other.job === claim.job &&
      other.worker === claim.worker &&
      other.slot === claim.slot &&
      other.startMs !== claim.startMs
  )
}

/** When a claim ended: by its release, or by itself. */
export function endOf(claim: Claim): number {
  return Math.min(claim.release?.atMs ?? Number.POSITIVE_INFINITY, claim.expiresAtMs)
}
