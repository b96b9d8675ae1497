import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, Peer, PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { TypedEventEmitter } from 'main-event'
import { describe, expect, test } from 'vitest'
import { type DialerComponents, dialer } from '../../../src/network/dialer.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { silentLogger } from '../../helpers/silent-logger.js'

const limits = {
  targetPeers: 3,
  candidates: 5,
  parallel: 2,
  backoffMs: 100,
  maxBackoffMs: 1_000,
  slowBackoffMs: 4_000,
  dialTimeoutMs: 5_000
}

const ids = await Promise.all(
  Array.from({ length: 8 }, async () => peerIdFromPrivateKey(await generateKeyPair('Ed25519')))
)
const idOf = (number: number): PeerId => ids[number] as PeerId
const self = idOf(0)

const peerOf = (number: number, port = 4_000 + number): Peer => ({
  id: idOf(number),
  addresses: [{ multiaddr: multiaddr(`/ip4/127.0.0.1/tcp/${port}`), isCertified: false }],
  protocols: [],
  metadata: new Map(),
  tags: new Map()
})

/** A dialer over a libp2p of which only what it uses is there. `answers`: the peers that take a call. */
function make({
  known = [],
  answers = new Set(),
  keep = []
}: {
  known?: number[]
  answers?: Set<number>
  keep?: string[]
} = {}) {
  const clock = manualClock(0)
  const events = new TypedEventEmitter()
  const connected = new Set<number>()
  const dialled: { peer: number; atMs: number }[] = []
  const libp2p = {
    peerId: self,
    peerStore: { all: async () => known.map(number => peerOf(number)) },
    getPeers: () => [...connected].map(idOf),
    addEventListener: events.addEventListener.bind(events),
    removeEventListener: events.removeEventListener.bind(events),
    async dial(id: PeerId): Promise<Connection> {
      const peer = ids.findIndex(other => other.equals(id))
      dialled.push({ peer, atMs: clock.now() })
      await Promise.resolve()
      if (!answers.has(peer)) throw new Error('refused')
      connected.add(peer)
      return {} as Connection
    }
  } as unknown as DialerComponents['libp2p']
  const service = dialer({ ...limits, keep })({
    libp2p,
    clock,
    logger: silentLogger(),
    random: () => 0.999999
  })
  return {
    clock,
    connected,
    dialled,
    answers,
    service,
    update: (peer: Peer, previous?: Peer) =>
      events.dispatchEvent(new CustomEvent('peer:update', { detail: { peer, previous } })),
    lose(number: number) {
      connected.delete(number)
      events.dispatchEvent(new CustomEvent('peer:disconnect', { detail: idOf(number) }))
    }
  }
}

describe('dialer', () => {
  test('start: dials the peers that are known from before', async () => {
    const { service, connected, clock } = make({ known: [1, 2], answers: new Set([1, 2]) })
    await service.start()
    await clock.settle()
    expect([...connected]).toEqual([1, 2])
  })

  test('discovery: dials a new peer at once, and not itself or one without address', async () => {
    const { service, dialled, update, clock } = make({ answers: new Set([1]) })
    await service.start()
    update(peerOf(1))
    update(peerOf(0))
    update({ ...peerOf(2), addresses: [] })
    await clock.settle()
    expect(dialled).toEqual([{ peer: 1, atMs: 0 }])
  })

  test('target: stops at enough peers, and replaces one that is lost', async () => {
    const { service, connected, lose, clock } = make({ known: [1, 2, 3, 4], answers: new Set([1, 2, 3, 4]) })
    await service.start()
    await clock.settle()
    expect([...connected]).toEqual([1, 2, 3])
    lose(2)
    await clock.settle()
    expect([...connected].sort()).toEqual([1, 3, 4])
  })

  test('target: peers that dialled this node count as well', async () => {
    const { service, connected, dialled, clock } = make({ known: [1, 2], answers: new Set([1, 2]) })
    for (const peer of [5, 6, 7]) connected.add(peer)
    await service.start()
    await clock.settle()
    expect(dialled).toEqual([])
  })

  const waitsOf = (dialled: { atMs: number }[]): number[] =>
    dialled.slice(1).map(({ atMs }, at) => Math.round(atMs - (dialled[at]?.atMs ?? 0)))

  test('back-off: addresses at which nobody has ever answered are dialled seldom', async () => {
    const { service, dialled, clock } = make({ known: [1] })
    await service.start()
    await clock.advance(20_000)
    expect(waitsOf(dialled).slice(0, 8)).toEqual([100, 200, 400, 800, 1_600, 3_200, 4_000, 4_000])
  })

  test('back-off: a peer that has answered is looked for more often, until it has other addresses', async () => {
    const { service, dialled, answers, lose, update, clock } = make({ known: [1], answers: new Set([1]) })
    await service.start()
    await clock.settle()
    answers.clear()
    lose(1)
    await clock.advance(10_000)
    expect(waitsOf(dialled).slice(-3)).toEqual([1_000, 1_000, 1_000])
    update(peerOf(1, 9_999), peerOf(1))
    await clock.advance(20_000)
    expect(waitsOf(dialled).slice(-2)).toEqual([4_000, 4_000])
  })

  test('back-off: the wait for a bootstrap peer doubles to its limit, and ends when it answers', async () => {
    const { service, dialled, answers, connected, clock } = make({ known: [1], keep: [idOf(1).toString()] })
    await service.start()
    await clock.advance(5_000)
    expect(waitsOf(dialled).slice(0, 6)).toEqual([100, 200, 400, 800, 1_000, 1_000])
    answers.add(1)
    await clock.advance(1_000)
    expect([...connected]).toEqual([1])
    const count = dialled.length
    await clock.advance(10_000)
    expect(dialled).toHaveLength(count)
  })

  test('back-off: new addresses end it, any other news does not', async () => {
    const { service, dialled, update, clock } = make({ known: [1] })
    await service.start()
    await clock.advance(3_000)
    const count = dialled.length
    update({ ...peerOf(1), protocols: ['/x'] }, peerOf(1))
    await clock.settle()
    expect(dialled).toHaveLength(count)
    update(peerOf(1, 9_999), peerOf(1))
    await clock.settle()
    expect(dialled).toHaveLength(count + 1)
    // And the waits begin anew.
    await clock.advance(limits.backoffMs)
    expect(dialled).toHaveLength(count + 2)
  })

  test('reconnection: a peer that is lost is dialled again soon', async () => {
    const { service, connected, lose, clock } = make({ known: [1], answers: new Set([1]) })
    await service.start()
    await clock.settle()
    lose(1)
    await clock.advance(limits.backoffMs)
    expect([...connected]).toEqual([1])
  })

  test('bounds: of too many candidates, the one that failed most is forgotten', async () => {
    const { service, dialled, update, clock } = make({ known: [1, 2, 3, 4, 5] })
    await service.start()
    await clock.advance(2_000)
    update(peerOf(6))
    await clock.settle()
    dialled.length = 0
    await clock.advance(10_000)
    expect(new Set(dialled.map(({ peer }) => peer)).size).toBe(limits.candidates)
  })

  test('stop: dials no more, and holds no timer', async () => {
    const { service, dialled, update, clock } = make({ known: [1] })
    await service.start()
    await clock.settle()
    service.stop()
    service.stop()
    update(peerOf(2))
    await clock.advance(60_000)
    expect(dialled).toHaveLength(1)
  })
})
