import { failureName, type JobKey, type PeerKey, SubmissionStatus } from '../../src/interface/index.js'
import { score as scoreOf } from '../../src/lease/score.js'
import { peerIdOf } from '../../src/network/identity.js'
import { isKnownEvent, type TimelineEvent } from '../../src/timeline/index.js'
import { callbackReason } from './callback-reason.js'
import { collectClaims, endOf, isVoid, type Said, sayings } from './timeline-claims.js'
import type { ChainEvent, Claim, Findings, StoryEvent, Winner } from './timeline-types.js'
import { clockText, findWinner, releaseText } from './timeline-why.js'

export interface Story {
  /** In order of time. */
  events: StoryEvent[]
  winner: Winner | undefined
  claims: Claim[]
}

/** The order of what happened in the same ms. A lease that runs out makes room for the claim that comes at that moment. */
const causal =
  'created indexed announced verified missing expired claimed acquired lost released started finished aborted sent refused succeeded failed callback accepted final'.split(
    ' '
  )

/** Merges what chain and nodes say of a job. A pure function: who is asked in what order does not matter. */
export function tellStory({ jobId, chain = [], nodes }: Findings, nowMs: number): Story {
  const said = sayings(nodes).filter(({ event }) => event.jobId === jobId)
  const claims = collectClaims(said, nodes)
  const created = chain.find(event => event.type === 'created')
  // Without the chain, the request that was spoken of last stands.
  const job = created?.job ?? said.at(-1)?.event.job
  const placed = placeChain(chain, said, job)
  const finalAtMs = Math.min(
    ...placed.filter(({ type }) => type === 'succeeded' || type === 'failed').map(({ atMs }) => atMs),
    ...said.filter(({ event }) => event.type === 'job:final').map(({ atMs }) => atMs)
  )
  const line = (event: Omit<StoryEvent, 'isOrphaned'>): StoryEvent => ({
    ...event,
    isOrphaned: job !== undefined && event.job !== undefined && event.job !== job
  })
  const events = [
    ...placed.map(event => line(chainLine(event, job))),
    ...said.flatMap(saying => nodeLine(saying)).map(line),
    ...claims.flatMap(claim => claimLines(claim, claims, { nodes, finalAtMs, nowMs })).map(line),
    ...finalLine(said, job).map(line),
    ...unknownLines({ jobId, chain, nodes }).map(line)
  ]
  const place = ({ type }: StoryEvent): number => {
    const index = causal.indexOf(type)
    return index === -1 ? causal.length : index
  }
  events.sort((a, b) => a.atMs - b.atMs || place(a) - place(b))
  return { events, claims, winner: findWinner({ job, claims, said, chain, nowMs, name }) }
}

const name = (worker: PeerKey): string => peerIdOf(worker).toString()

/**
 * Blocks know whole seconds, and a chain's clock may be off: so a log is moved between what must have come before it and what
 * must have come after.
 */
function placeChain(chain: ChainEvent[], said: Said[], job: JobKey | undefined): ChainEvent[] {
  const ofJob = said.filter(({ event }) => event.job === job)
  const times = (matches: (event: TimelineEvent) => boolean): number[] =>
    ofJob.filter(({ event }) => matches(event)).map(({ atMs }) => atMs)
  return chain.map(log => {
    if (log.type === 'created') return { ...log, atMs: Math.min(log.atMs, ...times(() => true)) }
    const after = Math.max(
      ...times(event => event.type === 'submission:sent' && event.txHash === log.txHash),
      Number.NEGATIVE_INFINITY
    )
    const before = Math.min(
      ...times(event => event.type === 'submission:accepted' && event.txHash === log.txHash),
      ...(log.type === 'refused' ? [] : times(event => event.type === 'job:final'))
    )
    return { ...log, atMs: Math.max(Math.min(log.atMs, before), after) }
  })
}

type Line = Omit<StoryEvent, 'isOrphaned'>

function chainLine(event: ChainEvent, job: JobKey | undefined): Line {
  const where = `block ${event.blockNumber}, transaction ${event.txHash}`
  const worker = 'worker' in event ? event.worker : undefined
  const by = worker === undefined ? '' : ` by account ${worker.account}`
  const text = {
    created: () => `created in ${where}`,
    succeeded: () => `result taken${by} in ${where}`,
    failed: () =>
      event.type === 'failed' && worker === undefined
        ? `reclaimed after the deadline in ${where}`
        : `ended as failed${by}${event.type === 'failed' ? ` (${failureName(event.code)}: ${printable(event.reason)})` : ''} in ${where}`,
    callback: () =>
      event.type !== 'callback' || event.success
        ? 'the client took the callback'
        : `the callback ${callbackReason(event.returnData)}`,
    refused: () =>
      `result refused${by}${event.type === 'refused' ? ` (${statusName(event.status)})` : ''} in ${where}`
  }[event.type]()
  return {
    atMs: event.atMs,
    type: event.type,
    node: worker?.peerKey === undefined ? undefined : name(worker.peerKey),
    saidBy: ['chain'],
    text,
    job
  }
}

/** A line for what a node did itself. Claims are put together from several, and final jobs of all nodes are one line. */
function nodeLine({ event, by, atMs }: Said): Line[] {
  const say = (type: string, text: string): Line[] => [
    { atMs, type, node: by.peerId, saidBy: [by.peerId], text, job: event.job }
  ]
  switch (event.type) {
    case 'job:indexed':
      return say('indexed', 'read from the subgraph')
    case 'job:announced':
      return say('announced', event.attempt === 1 ? 'announced' : `announced again (${event.attempt})`)
    case 'job:verified':
      return say('verified', 'found on chain')
    case 'job:missing':
      return say('missing', `not found on chain: ${event.reason}`)
    case 'lease:acquired':
      return say('acquired', `holds the job, slot ${event.slot}`)
    case 'lease:lost':
      return say('lost', `gives way to ${event.holder === by.peerKey ? 'others' : name(event.holder)}`)
    case 'execution:started':
      return say('started', `runs ${event.manifest}`)
    case 'execution:finished':
      return say(
        'finished',
        `${event.success ? 'has a result' : `the job fails with ${failureName(event.code)}`} after ${Math.round(event.durationMs)} ms`
      )
    case 'execution:aborted':
      return say('aborted', 'stops running it')
    case 'submission:sent':
      return say('sent', `sends transaction ${event.txHash}`)
    case 'submission:accepted':
      return say('accepted', `sees transaction ${event.txHash} accepted`)
    case 'submission:refused':
      return say('refused', `is refused: ${statusName(event.status)}`)
    default:
      return []
  }
}

function claimLines(
  claim: Claim,
  all: Claim[],
  { nodes, finalAtMs, nowMs }: { nodes: Findings['nodes']; finalAtMs: number; nowMs: number }
): Line[] {
  const node = name(claim.worker)
  const saidBy = [...claim.saidBy].sort()
  const lines: Line[] = [
    {
      atMs: claim.startedAtMs,
      type: 'claimed',
      node,
      saidBy,
      text: `claims in slot ${claim.slot}, ${rankText(claim, all, nodes)}, score ${claim.score.slice(0, 4)}…${isVoid(claim, all) ? ', void: it claimed twice in this slot' : ''}`,
      job: claim.job
    }
  ]
  const { release } = claim
  if (release !== undefined) {
    lines.push({
      atMs: release.atMs,
      type: 'released',
      node,
      saidBy,
      text: `releases its lease: ${releaseText(release.reason)}`,
      job: claim.job
    })
  }
  // A lease that outlives its job ends in silence.
  if (endOf(claim) === claim.expiresAtMs && claim.expiresAtMs <= Math.min(nowMs, finalAtMs)) {
    const renewals = claim.renewals === 0 ? '' : `, renewed ${claim.renewals} times`
    lines.push({
      atMs: claim.expiresAtMs,
      type: 'expired',
      node,
      saidBy: [],
      text: `its lease of ${clockText(claim.startedAtMs)} runs out${renewals}`,
      job: claim.job
    })
  }
  return lines
}

/** A rank is what its claimant says; of one that is gone, its place by score among the workers that are known. */
function rankText(claim: Claim, all: Claim[], nodes: Findings['nodes']): string {
  if (claim.rank !== undefined) return `rank ${claim.rank}`
  return `rank ${rankByScore(claim, all, nodes)} by score`
}

export function rankByScore(claim: Claim, all: Claim[], nodes: Findings['nodes']): number {
  const known = new Map(
    all.filter(({ job }) => job === claim.job).map(({ worker, score }) => [worker, score])
  )
  for (const { peerKey, timeline } of nodes)
    if (timeline?.role === 'worker') known.set(peerKey, scoreOf(claim.job, peerKey))
  return [...known].filter(([worker, score]) => worker !== claim.worker && score < claim.score).length
}

function finalLine(said: Said[], job: JobKey | undefined): Line[] {
  const final = said.filter(({ event }) => event.type === 'job:final' && event.job === job)
  const [first] = final
  if (first === undefined) return []
  const saidBy = [...new Set(final.map(({ by }) => by.peerId))]
  const many = saidBy.length === 1 ? 'a node knows' : `${saidBy.length} nodes know`
  return [
    { atMs: first.atMs, type: 'final', node: undefined, saidBy, text: `${many} that the job is final`, job }
  ]
}

/** What newer nodes tell, and this version has no words for. */
function unknownLines({ nodes }: Findings): Line[] {
  return nodes.flatMap(({ peerId, timeline }) =>
    (timeline?.events ?? [])
      .filter(event => !isKnownEvent(event))
      .map(event => ({
        atMs: event.atMs - (timeline?.clockOffsetMs ?? 0),
        type: event.type,
        node: peerId,
        saidBy: [peerId],
        text: event.type,
        job: event.job
      }))
  )
}

function statusName(status: number): string {
  return Object.entries(SubmissionStatus).find(([, value]) => value === status)?.[0] ?? `status ${status}`
}

/** What a contract or a worker wrote must not move the cursor of a terminal. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd').slice(0, 256)
}
