import { peerIdOf } from '../../src/network/identity.js'
import type { Story } from './timeline-story.js'
import type { AskedNode, StoryEvent } from './timeline-types.js'
import { clockText } from './timeline-why.js'

/** A node as it is shown: one that was asked, or one that is only spoken of. */
export interface ShownNode {
  peerId: string
  /** Of one that was not reached: `worker` if it claimed the job, else null. */
  role: 'sequencer' | 'worker' | null
  reached: boolean
  /** Its clock minus this machine's. */
  clockOffsetMs: number | null
  roundTripMs: number | null
  problem: string | null
}

/** All nodes that were asked or that claimed the job; those that were reached first. */
export function shownNodes(nodes: AskedNode[], { claims }: Story): ShownNode[] {
  const claimants = new Set(claims.map(({ worker }) => peerIdOf(worker).toString()))
  const shown = nodes.map(
    ({ peerId, timeline, problem }): ShownNode => ({
      peerId,
      role: timeline?.role ?? (claimants.has(peerId) ? 'worker' : null),
      reached: timeline !== undefined,
      clockOffsetMs: timeline?.clockOffsetMs ?? null,
      roundTripMs: timeline?.roundTripMs ?? null,
      problem: problem ?? (timeline?.isCut === true ? 'it knows more than it could say' : null)
    })
  )
  for (const peerId of claimants) {
    if (shown.some(node => node.peerId === peerId)) continue
    const problem = 'it is spoken of, and no address of it is known'
    shown.push({ peerId, role: 'worker', reached: false, clockOffsetMs: null, roundTripMs: null, problem })
  }
  return shown.sort((a, b) => Number(b.reached) - Number(a.reached) || order(a).localeCompare(order(b)))
}

/** The JSON form of an event. */
export function toPlainStoryEvent(event: StoryEvent, startMs: number): Record<string, unknown> {
  return {
    at: new Date(Math.round(event.atMs)).toISOString(),
    sinceMs: Math.round(event.atMs - startMs),
    type: event.type,
    node: event.node ?? null,
    saidBy: event.saidBy,
    text: event.text,
    jobKey: event.job ?? null,
    orphaned: event.isOrphaned
  }
}

/** The whole story for people: ms since the first event, who, what, and who else says so. */
export function describeStory(
  story: Story,
  nodes: ShownNode[],
  notes: string[],
  /** Whether the chain told its part: without it, nothing is known of who did not win. */
  hasChain = true
): string {
  const { events, winner } = story
  const startMs = events[0]?.atMs ?? 0
  const labels = labelsOf(nodes)
  const label = (peerId: string): string => labels.get(peerId) ?? shortId(peerId)
  const words = (text: string): string =>
    [...labels].reduce((result, [peerId, short]) => result.replaceAll(peerId, short), text)

  const rows = events.map(event => {
    const isChain = event.saidBy[0] === 'chain'
    const actor = isChain ? 'chain' : event.node === undefined ? '' : label(event.node)
    const others = event.saidBy.filter(by => by !== event.node && by !== 'chain').map(label)
    const witnesses =
      others.length === 0 ? '' : ` (${event.node === undefined ? '' : 'seen by '}${others.join(', ')})`
    const orphaned = event.isOrphaned ? ' [a request that the chain does not hold]' : ''
    return [
      `${Math.round(event.atMs - startMs)} ms`,
      actor,
      `${words(event.text)}${witnesses}${orphaned}`
    ] as const
  })
  const width = (column: 0 | 1): number => Math.max(0, ...rows.map(row => row[column].length))
  const [timeWidth, actorWidth] = [width(0), width(1)]
  return [
    events.length === 0 ? 'nothing is known of what happened' : `from ${clockText(startMs)} UTC`,
    ...rows.map(([time, actor, text]) => `${time.padStart(timeWidth)}  ${actor.padEnd(actorWidth)}  ${text}`),
    '',
    winner === undefined
      ? `winner  ${hasChain ? 'nobody (yet)' : 'unknown: the chain was not read'}`
      : `winner  ${label(winner.worker)}${winner.state === 'holder' ? ', which holds the job' : ''}: ${words(winner.why)}`,
    ...nodes.map(node => `node    ${nodeText(node, label)}`),
    ...notes.map(note => `note    ${note}`)
  ].join('\n')
}

function nodeText(node: ShownNode, label: (peerId: string) => string): string {
  const head = `${label(node.peerId)} ${node.peerId}`
  const problem = node.problem === null ? '' : `: ${node.problem}`
  if (!node.reached) return `${head} not reached${problem}`
  const offsetMs = Math.round((node.clockOffsetMs ?? 0) * 10) / 10
  return `${head} clock ${offsetMs < 0 ? '−' : '+'}${Math.abs(offsetMs)} ms${problem}`
}

/** `worker …bE3xK9aa`: the role, and the end of the peer id, as all begin alike. */
function labelsOf(nodes: ShownNode[]): Map<string, string> {
  return new Map(nodes.map(({ peerId, role }) => [peerId, `${role ?? 'node'} ${shortId(peerId)}`]))
}

const shortId = (peerId: string): string => `…${peerId.slice(-6)}`

const order = ({ role, peerId }: ShownNode): string => `${role ?? 'z'} ${peerId}`
