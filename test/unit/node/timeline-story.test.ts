import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { describe, expect, it } from 'vitest'
import { describeStory, shownNodes } from '../../../node/client/timeline-present.js'
import { type Story, tellStory } from '../../../node/client/timeline-story.js'
import type { AskedNode, ChainEvent } from '../../../node/client/timeline-types.js'
import { ReleaseReason, SubmissionStatus } from '../../../src/interface/index.js'
import { score } from '../../../src/lease/score.js'
import { peerIdOf } from '../../../src/network/identity.js'
import type { TimelineEvent } from '../../../src/timeline/index.js'

const job = '11'.repeat(32)
const oldJob = '22'.repeat(32)
const slotMs = 400
/** The start of a slot. */
const t0 = 1_700_000_000_000
const txHash = `0x${'aa'.repeat(32)}` as const
const leaseMs = 10_000

const keys = await Promise.all(
  [1, 2, 3].map(async seed => {
    const key = await generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(seed))
    return Buffer.from(key.publicKey.raw).toString('hex')
  })
)
/** `best` has the better score for the job. */
const [best = '', second = ''] = keys.slice(0, 2).sort((a, b) => (score(job, a) < score(job, b) ? -1 : 1))
const sequencer = keys[2] ?? ''
const id = (key: string): string => peerIdOf(key).toString()

type Plain<E = TimelineEvent> = E extends TimelineEvent ? Omit<E, 'job' | 'jobId'> & { job?: string } : never

function node(
  peerKey: string,
  events: Plain[],
  role: 'sequencer' | 'worker' = 'worker',
  clockOffsetMs = 0
): AskedNode {
  return {
    peerId: id(peerKey),
    peerKey,
    problem: undefined,
    timeline: {
      role,
      clockOffsetMs,
      roundTripMs: 1,
      isCut: false,
      events: events.map(event => ({ job, ...event, jobId: 1n }) as TimelineEvent)
    }
  }
}

const claimed = (startMs: number, rank = 0): Plain => ({
  type: 'lease:claimed',
  ...{ slot: Math.floor(startMs / slotMs), rank, startMs, expiresMs: startMs + leaseMs, atMs: startMs }
})
const seen = (
  worker: string,
  startMs: number,
  more: { sequence?: number; expiresMs?: number; release?: ReleaseReason; atMs?: number } = {}
): Plain => ({
  type: 'lease:seen',
  ...{ worker, slot: Math.floor(startMs / slotMs), startMs, expiresMs: startMs + leaseMs, sequence: 0 },
  ...{ atMs: startMs + 5, ...more }
})
const sent = (atMs: number): Plain => ({ type: 'submission:sent', txHash, atMs })

const created: ChainEvent = { type: 'created', job, atMs: t0 - 1_000, blockNumber: 1, txHash }
const succeeded = (worker: string, atMs: number): ChainEvent => ({
  type: 'succeeded',
  ...{ worker: { account: '0xAccount', peerKey: worker }, atMs, blockNumber: 2, txHash }
})

const tell = (nodes: AskedNode[], chain?: ChainEvent[], nowMs = t0 + 60_000): Story =>
  tellStory({ jobId: 1n, chain, nodes }, nowMs)
const types = ({ events }: Story): string[] => events.map(({ type }) => type)

describe('why the winner won', () => {
  it('behavior: the only claim wins', () => {
    const story = tell([node(best, [claimed(t0), sent(t0 + 500)])], [created, succeeded(best, t0 + 1_000)])
    expect(story.winner).toEqual({
      worker: id(best),
      account: '0xAccount',
      state: 'final',
      why: 'only claim'
    })
  })

  it('behavior: an earlier slot beats a better score', () => {
    const story = tell(
      [node(second, [claimed(t0), sent(t0 + 900)]), node(best, [claimed(t0 + slotMs)])],
      [created, succeeded(second, t0 + 1_000)]
    )
    expect(story.winner?.why).toBe(`slot ${t0 / slotMs} before ${t0 / slotMs + 1}`)
  })

  it('behavior: in one slot the better score wins, and the loser says so', () => {
    const loser = node(second, [
      claimed(t0 + 100, 1),
      { type: 'lease:lost', holder: best, atMs: t0 + 150 },
      { type: 'lease:released', reason: ReleaseReason.Lost, atMs: t0 + 150 }
    ])
    const story = tell(
      [loser, node(best, [claimed(t0 + 120), sent(t0 + 900)])],
      [created, succeeded(best, t0 + 1_000)]
    )
    const short = (key: string): string => score(job, key).slice(0, 4)
    expect(story.winner?.why).toBe(
      `same slot ${t0 / slotMs}, better score ${short(best)}… < ${short(second)}…`
    )
    expect(types(story)).toEqual(['created', 'claimed', 'claimed', 'lost', 'released', 'sent', 'succeeded'])
    expect(story.events[3]?.text).toBe(`gives way to ${id(best)}`)
  })

  it('behavior: take-over of a worker that is gone, from what others saw: rank by score, renewals, expiry', () => {
    const takeOverMs = t0 + 15_200
    const witness = node(
      sequencer,
      [seen(best, t0), seen(best, t0, { sequence: 1, expiresMs: t0 + 15_000, atMs: t0 + 3_300 })],
      'sequencer'
    )
    const story = tell(
      [node(second, [claimed(takeOverMs), sent(takeOverMs + 500)]), witness],
      [created, succeeded(second, takeOverMs + 600)]
    )
    expect(story.winner?.why).toBe(
      `the lease of ${id(best)} expired at ${new Date(t0 + 15_000).toISOString().slice(11, 23)}, take-over by ${id(second)} in slot ${takeOverMs / slotMs}`
    )
    expect(types(story)).toEqual(['created', 'claimed', 'expired', 'claimed', 'sent', 'succeeded'])
    expect(story.events[1]).toMatchObject({ node: id(best), saidBy: [id(sequencer)] })
    expect(story.events[1]?.text).toContain('rank 0 by score')
    expect(story.events[2]?.text).toContain('renewed 1 times')
    expect(shownNodes([witness], story).find(({ peerId }) => peerId === id(best))).toMatchObject({
      role: 'worker',
      reached: false
    })
  })

  it('behavior: take-over of what was released, with the reason', () => {
    const quitter = node(best, [
      claimed(t0),
      { type: 'lease:released', reason: ReleaseReason.ShuttingDown, atMs: t0 + 1_000 }
    ])
    const story = tell(
      [quitter, node(second, [claimed(t0 + 1_200), sent(t0 + 2_000)])],
      [created, succeeded(second, t0 + 2_100)]
    )
    expect(story.winner?.why).toContain(`${id(best)} gave the job up (shutting down)`)
    expect(types(story)).not.toContain('expired')
  })

  it('behavior: two claims of one worker in one slot are void', () => {
    const witness = node(sequencer, [seen(best, t0), seen(best, t0 + 100)], 'sequencer')
    const story = tell(
      [node(second, [claimed(t0 + slotMs), sent(t0 + 900)]), witness],
      [created, succeeded(second, t0 + 1_000)]
    )
    expect(story.winner?.why).toBe(`two claims of ${id(best)} in slot ${t0 / slotMs} are void`)
  })

  it('behavior: who was first on chain without the better lease is named as such', () => {
    const story = tell(
      [node(best, [claimed(t0)]), node(second, [claimed(t0 + slotMs), sent(t0 + 900)])],
      [created, succeeded(second, t0 + 1_000)]
    )
    expect(story.winner?.why).toContain(
      `its submission was first, although ${id(best)} held the better lease`
    )
  })

  it('behavior: an open job has a holder; one that nobody holds has none; a reclaimed one has no winner', () => {
    const nodes = [node(best, [claimed(t0)])]
    expect(tell(nodes, [created], t0 + 5_000).winner).toMatchObject({ worker: id(best), state: 'holder' })
    expect(tell(nodes, [created], t0 + leaseMs).winner).toBeUndefined()
    const reclaimed: ChainEvent = {
      type: 'failed',
      worker: undefined,
      code: 7,
      reason: '',
      atMs: t0 + 50_000,
      blockNumber: 9,
      txHash
    }
    const story = tell(nodes, [created, reclaimed])
    expect(story.winner).toBeUndefined()
    expect(story.events.at(-1)?.text).toContain('reclaimed after the deadline')
  })

  it('behavior: a node that says it was accepted is not believed against the chain', () => {
    const liar = node(second, [claimed(t0), { type: 'submission:accepted', txHash, atMs: t0 + 100 }])
    expect(
      tell([liar, node(best, [claimed(t0 + 1)])], [created, succeeded(best, t0 + 1_000)]).winner?.worker
    ).toBe(id(best))
    expect(tell([liar]).winner?.worker).toBe(id(second))
  })
})

describe('the order of the story', () => {
  it('behavior: times of a node whose clock is off are corrected, with its claims seen by others', () => {
    const offMs = 60_000
    const events: Plain[] = [
      claimed(t0 + 100 + offMs),
      { type: 'execution:started', manifest: 'm', atMs: t0 + 200 + offMs }
    ]
    const story = tell(
      [node(best, events, 'worker', offMs), node(second, [seen(best, t0 + 100 + offMs, { atMs: t0 + 105 })])],
      [created],
      t0 + 1_000
    )
    expect(story.claims).toHaveLength(1)
    expect(story.events.map(({ type, atMs }) => [type, atMs - t0])).toEqual([
      ['created', -1_000],
      ['claimed', 100],
      ['started', 200]
    ])
    expect(story.events[1]?.saidBy).toEqual([id(best), id(second)].sort())
  })

  it('behavior: blocks with their coarse or wrong times stand where they must have been', () => {
    const worker = node(best, [
      { type: 'job:verified', atMs: t0 },
      claimed(t0 + 10),
      sent(t0 + 500),
      { type: 'submission:accepted', txHash, atMs: t0 + 700 },
      { type: 'job:final', atMs: t0 + 700 }
    ])
    const callback: ChainEvent = { type: 'callback', success: true, atMs: t0, blockNumber: 2, txHash }
    for (const offMs of [-100_000, 0, 100_000]) {
      const story = tell(
        [worker],
        [{ ...created, atMs: t0 + offMs }, succeeded(best, t0 + offMs), { ...callback, atMs: t0 + offMs }]
      )
      expect(types(story)).toEqual([
        'created',
        'verified',
        'claimed',
        'sent',
        'succeeded',
        'callback',
        'accepted',
        'final'
      ])
    }
  })

  it('behavior: after a reorg the old request is marked, and the winner is that of the new one', () => {
    const story = tell(
      [
        node(second, [
          { ...claimed(t0), job: oldJob },
          { type: 'lease:released', reason: ReleaseReason.Orphaned, atMs: t0 + 100, job: oldJob }
        ]),
        node(best, [claimed(t0 + 2_000), sent(t0 + 2_500)])
      ],
      [{ ...created, atMs: t0 + 1_000 }, succeeded(best, t0 + 3_000)]
    )
    expect(story.events.map(({ type, isOrphaned }) => [type, isOrphaned])).toEqual([
      ['claimed', true],
      ['released', true],
      ['created', false],
      ['claimed', false],
      ['sent', false],
      ['succeeded', false]
    ])
    expect(story.winner?.why).toBe('only claim')
    expect(describeStory(story, [], [])).toContain('a request that the chain does not hold')
  })

  it('behavior: refusals are told with their reason, by chain and node', () => {
    const refused: ChainEvent = {
      type: 'refused',
      ...{
        worker: { account: '0xB', peerKey: second },
        status: SubmissionStatus.AlreadyFinal,
        atMs: t0,
        blockNumber: 3,
        txHash
      }
    }
    const story = tell(
      [node(second, [sent(t0 + 10), { type: 'submission:refused', status: 2, atMs: t0 + 20 }])],
      [created, refused]
    )
    expect(story.events.filter(({ type }) => type === 'refused').map(({ text }) => text)).toEqual([
      expect.stringContaining('result refused by account 0xB (AlreadyFinal)'),
      'is refused: AlreadyFinal'
    ])
  })

  it('behavior: who is asked in which order does not matter', () => {
    const nodes = [
      node(best, [claimed(t0), sent(t0 + 500), { type: 'job:final', atMs: t0 + 600 }]),
      node(second, [seen(best, t0), { type: 'job:final', atMs: t0 + 610 }]),
      node(sequencer, [{ type: 'job:indexed', atMs: t0 - 5 }, seen(best, t0)], 'sequencer')
    ]
    const chain = [created, succeeded(best, t0 + 550)]
    const said = ({ events }: Story) => events.map(event => ({ ...event, saidBy: [...event.saidBy].sort() }))
    expect(said(tell(nodes.toReversed(), chain))).toEqual(said(tell(nodes, chain)))
  })
})

it('behavior: where the chain was not read, the winner is unknown, and no time is made up', () => {
  const story = tell([], undefined)
  const text = describeStory(story, [], ['The chain did not answer in time'], false)
  expect(text).toContain('winner  unknown: the chain was not read')
  expect(text).not.toMatch(/nobody|00:00/u)
  expect(describeStory(tell([], [created]), [], [])).toContain('winner  nobody (yet)')
})
