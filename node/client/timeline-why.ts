import { type JobKey, type PeerKey, ReleaseReason } from '../../src/interface/index.js'
import { endOf, isBetterClaim, isVoid, type Said } from './timeline-claims.js'
import type { ChainEvent, ChainWorker, Claim, Winner } from './timeline-types.js'

export interface WinnerInit {
  /** The request that counts: the one on chain. */
  job: JobKey | undefined
  claims: Claim[]
  said: Said[]
  chain: ChainEvent[]
  nowMs: number
  /** Peer id, for people. */
  name(worker: PeerKey): string
}

/** A claim that ended this shortly before another began was given up for it, or the two crossed on their way. */
const crossingMs = 1

/** Who finalised the job, or holds it while it is open, and why it and no other. Undefined where nobody did. */
export function findWinner(init: WinnerInit): Winner | undefined {
  const { job, claims, said, chain, nowMs, name } = init
  const ofJob = claims.filter(claim => claim.job === job)
  const ended = chain.find(event => event.type === 'succeeded' || event.type === 'failed')
  const accepted = said.find(({ event }) => event.type === 'submission:accepted' && event.job === job)
  // A peer's word that it was accepted counts only where the chain says nothing.
  const onChain: ChainWorker | undefined = ended?.worker
  const worker = onChain?.peerKey ?? (ended === undefined ? accepted?.by.peerKey : undefined)

  if (worker !== undefined) {
    const sentAtMs = said.find(
      ({ event, by }) => event.type === 'submission:sent' && event.job === job && by.peerKey === worker
    )?.atMs
    const own = ofJob
      .filter(claim => claim.worker === worker && claim.startedAtMs <= (sentAtMs ?? Number.POSITIVE_INFINITY))
      .at(-1)
    return {
      worker: name(worker),
      account: onChain?.account,
      state: 'final',
      why:
        own === undefined
          ? 'its result is on chain; no node that was reached tells of its claim'
          : why(own, ofJob, name)
    }
  }
  if (ended !== undefined) return undefined
  const live = ofJob.filter(claim => endOf(claim) > nowMs && !isVoid(claim, ofJob))
  const holder = live.sort((a, b) => (isBetterClaim(a, b) ? -1 : 1))[0]
  return holder === undefined
    ? undefined
    : {
        worker: name(holder.worker),
        account: undefined,
        state: 'holder',
        why: why(holder, ofJob, name)
      }
}

/** Why a claim won against each other one that was made no later than about the same time. */
function why(own: Claim, all: Claim[], name: (worker: PeerKey) => string): string {
  const reasons: string[] = []
  for (const other of all) {
    if (other === own) continue
    const reason = isVoid(other, all)
      ? `two claims of ${name(other.worker)} in slot ${other.slot} are void`
      : against(own, other, name)
    if (reason !== undefined && !reasons.includes(reason)) reasons.push(reason)
  }
  return reasons.length === 0 ? 'only claim' : reasons.join('; ')
}

/** Undefined for a claim that came after this one was done with. */
function against(own: Claim, other: Claim, name: (worker: PeerKey) => string): string | undefined {
  const who = name(other.worker)
  const isOver = endOf(other) <= own.startedAtMs + crossingMs
  if (isOver && other.release !== undefined && other.release.reason !== ReleaseReason.Lost) {
    return `${who} gave the job up (${releaseText(other.release.reason)}) at ${clockText(other.release.atMs)}, take-over by ${name(own.worker)} in slot ${own.slot}`
  }
  if (isOver && other.release === undefined) {
    return `the lease of ${who} expired at ${clockText(other.expiresAtMs)}, take-over by ${name(own.worker)} in slot ${own.slot}`
  }
  if (isOver || other.startedAtMs >= endOf(own)) return undefined
  if (isBetterClaim(own, other)) return comparison(own, other)
  return `its submission was first, although ${who} held the better lease (${comparison(other, own)})`
}

/** Why the first of two claims goes before the second. */
function comparison(better: Claim, worse: Claim): string {
  if (better.slot !== worse.slot) return `slot ${better.slot} before ${worse.slot}`
  return `same slot ${better.slot}, better score ${better.score.slice(0, 4)}… < ${worse.score.slice(0, 4)}…`
}

const releaseTexts: Record<ReleaseReason, string> = {
  [ReleaseReason.Done]: 'done',
  [ReleaseReason.Lost]: 'lost',
  [ReleaseReason.Failed]: 'could not run it',
  [ReleaseReason.ShuttingDown]: 'shutting down',
  [ReleaseReason.Orphaned]: 'orphaned'
}

export function releaseText(reason: ReleaseReason | undefined): string {
  return reason === undefined ? 'no reason given' : releaseTexts[reason]
}

/** `12:34:56.789`, UTC. */
export function clockText(atMs: number): string {
  return new Date(Math.round(atMs)).toISOString().slice(11, 23)
}
