import { describe, expect, test } from 'vitest'
import { envelopeCodec } from '../../../src/gossip/envelope.js'
import { gossip } from '../../../src/gossip/gossip.js'
import { evidenceBytesPerItem, holdingLimits, messageLimits, rateLimits } from '../../../src/gossip/limits.js'
import { type TopicKind, topicOf, topicsOf } from '../../../src/gossip/topic.js'
import { encodeJobs } from '../../../src/gossip/validation/jobs.js'
import { encodeLeases } from '../../../src/gossip/validation/leases.js'
import { type Lease, localTiming, type Presence } from '../../../src/interface/index.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { silentLogger } from '../../helpers/silent-logger.js'
import { authorOf, hash, hub, jobKeyOf, jobOf, keyOf, network, recorder } from './fakes.js'

const keys = [await keyOf(1), await keyOf(2), await keyOf(3)] as const
const [alice, bob, carol] = keys

/** Nodes `a` and `b`; `carol` has a key and no node. */
async function make(isKnownJob?: (key: string) => boolean) {
  const clock = manualClock()
  const net = hub()
  const said: { level: string; message: string; fields: object }[] = []
  const at = (name: string, privateKey: typeof alice) => {
    const { given, handlers } = recorder(isKnownJob)
    const node = gossip({ network, timing: localTiming })({
      pubsub: net.pubsub(name),
      privateKey,
      clock,
      logger: silentLogger(said),
      handlers,
      jobKeyOf
    })
    return { node, given, handlers }
  }
  const a = at('a', alice)
  const b = at('b', bob)
  await a.node.start()
  await b.node.start()
  const lease = (job: number, change: Partial<Lease> = {}): Lease => ({
    job: hash(job),
    worker: authorOf(alice),
    startMs: clock.now(),
    expiresMs: clock.now() + 10_000,
    sequence: 0,
    release: undefined,
    ...change
  })
  /** Gives node b an envelope of carol’s. */
  const deliver = async (kind: TopicKind, payload: Uint8Array, from?: string) =>
    net.deliver('b', topicOf(network, kind), await envelopeCodec(network, kind).seal(payload, carol), from)
  return { clock, net, said, a, b, lease, deliver }
}

describe('gossip', () => {
  test('delivery: each kind arrives once, with its author, and not at its author', async () => {
    const { a, b, lease, clock } = await make()
    const presence: Presence = {
      worker: authorOf(alice),
      account: network.oracle,
      models: ['bafy'],
      capacity: 1,
      load: 0,
      sentAtMs: clock.now()
    }
    const notice = { job: hash(1), jobId: 1n, txHash: `0x${hash(5)}` as const }
    await a.node.publishJobs([jobOf(1), jobOf(2)])
    await a.node.publishLeases([lease(1)])
    await a.node.publishResults([notice])
    await a.node.publishPresence(presence)
    const author = authorOf(alice)
    expect(b.given).toEqual({
      jobs: [{ jobs: [jobOf(1), jobOf(2)], author }],
      leases: [{ leases: [lease(1)], author }],
      results: [{ notices: [notice], author }],
      presence: [presence]
    })
    expect(a.given).toEqual({ jobs: [], leases: [], results: [], presence: [] })
  })

  test('coalescing: calls of one tick share an envelope, cut at the limit', async () => {
    const { a, b, net } = await make()
    await Promise.all(Array.from({ length: 600 }, (_, n) => a.node.publishJobs([jobOf(n + 1)])))
    expect(net.sent).toHaveLength(3)
    expect(b.given.jobs.map(({ jobs }) => jobs.length)).toEqual([
      messageLimits.batchItems,
      messageLimits.batchItems,
      88
    ])
    expect(a.node.stats().topics.jobs.out).toMatchObject({ messages: 3, items: 600 })
  })

  test('time: a presence that is early or late counts as none, and by it the clock is compared', async () => {
    const { a, b, clock } = await make()
    const untimely: number[] = []
    b.handlers.onUntimelyPresence = ({ sentAtMs }) => void untimely.push(sentAtMs)
    const presence = { worker: authorOf(alice), account: network.oracle, models: [], capacity: 1, load: 0 }
    const sent = [-60_000, 60_000].map(offMs => clock.now() + offMs)
    for (const sentAtMs of sent) await a.node.publishPresence({ ...presence, sentAtMs })
    expect(b.given.presence).toEqual([])
    expect(untimely).toEqual(sent)
    expect(b.node.stats().topics.presence.in.ignored).toEqual({ late: 1, early: 1 })
  })

  test('coalescing: of presences that wait, the latest is sent', async () => {
    const { a, b, clock } = await make()
    const presence = {
      worker: authorOf(alice),
      account: network.oracle,
      models: [],
      capacity: 4,
      sentAtMs: clock.now()
    }
    await Promise.all([0, 1, 2].map(load => a.node.publishPresence({ ...presence, load })))
    expect(b.given.presence.map(({ load }) => load)).toEqual([2])
  })

  test('rate: a worker whose load changes all the time stays within what others take of it', async () => {
    const { a, b, clock } = await make()
    const presence = { worker: authorOf(alice), account: network.oracle, models: [], capacity: 9 }
    for (let load = 0; load < 100; load++) {
      void a.node.publishPresence({ ...presence, load, sentAtMs: clock.now() })
      await clock.advance(10)
    }
    await clock.advance(1_000)
    expect(b.given.presence.at(-1)?.load).toBe(99)
    expect(b.given.presence.length).toBeLessThan(20)
    expect(b.node.stats().topics.presence.in.ignored).toEqual({})
  })

  test('verdict: a good message is accepted and counted', async () => {
    const { b, deliver, clock } = await make()
    expect(await deliver('jobs', encodeJobs([jobOf(1)], clock.now()))).toBe('accept')
    expect(b.node.stats().topics.jobs.in).toMatchObject({
      messages: 1,
      accepted: 1,
      items: 1,
      rejected: {},
      ignored: {}
    })
  })

  test('verdict: bytes that are no envelope are rejected', async () => {
    const { net, b } = await make()
    const topic = topicOf(network, 'jobs')
    expect(await net.deliver('b', topic, new Uint8Array())).toBe('reject')
    expect(await net.deliver('b', topic, new Uint8Array(100).fill(0xff))).toBe('reject')
    expect(await net.deliver('b', topic, new Uint8Array(messageLimits.envelopeBytes + 1))).toBe('reject')
    expect(b.node.stats().topics.jobs.in.rejected).toEqual({ envelope: 2, oversize: 1 })
  })

  test('verdict: an envelope of one topic is rejected on another', async () => {
    const { net, clock } = await make()
    const sealed = await envelopeCodec(network, 'jobs').seal(encodeJobs([jobOf(1)], clock.now()), carol)
    expect(await net.deliver('b', topicOf(network, 'leases'), sealed)).toBe('reject')
  })

  test('verdict: a signed payload of the wrong schema is rejected', async () => {
    const { deliver, b } = await make()
    expect(await deliver('jobs', Uint8Array.from([0xff, 0xff]))).toBe('reject')
    expect(b.node.stats().topics.jobs.in.rejected).toEqual({ schema: 1 })
    expect(b.given.jobs).toEqual([])
  })

  test('verdict: a replay from long ago is ignored', async () => {
    const { deliver, clock, b } = await make()
    expect(await deliver('jobs', encodeJobs([jobOf(1)], clock.now() - 60_000))).toBe('ignore')
    expect(b.node.stats().topics.jobs.in.ignored).toEqual({ late: 1 })
  })

  test('verdict: a message of one’s own that comes back is ignored', async () => {
    const { net, a } = await make()
    await a.node.publishJobs([jobOf(1)])
    const [message] = net.sent
    expect(message && (await net.deliver('a', message.topic, message.data))).toBe('ignore')
    expect(a.given.jobs).toEqual([])
  })

  test('verdict: a backdated claim is ignored, and one in a good batch left out', async () => {
    const { deliver, lease, clock, b } = await make()
    const worker = authorOf(carol)
    const backdated = lease(1, { worker, startMs: clock.now() - 5_000 })
    expect(await deliver('leases', encodeLeases([backdated], worker, clock.now()))).toBe('ignore')
    const good = lease(2, { worker })
    expect(await deliver('leases', encodeLeases([backdated, good], worker, clock.now()))).toBe('accept')
    expect(b.given.leases).toEqual([{ leases: [good], author: worker }])
    expect(b.node.stats().topics.leases.in).toMatchObject({ ignored: { late: 1 }, dropped: { late: 2 } })
  })

  test('verdict: a handler that fails is logged, and the message goes on', async () => {
    const { deliver, clock, b, said } = await make()
    b.handlers.onJobs = () => {
      throw new Error('disk full')
    }
    expect(await deliver('jobs', encodeJobs([jobOf(1)], clock.now()))).toBe('accept')
    expect(said.map(({ level }) => level)).toEqual(['error'])
  })

  test('rate: an author that sends too many items is ignored, and others are not', async () => {
    const { deliver, clock, net, b } = await make()
    const full = (round: number) =>
      encodeJobs(
        Array.from({ length: messageLimits.batchItems }, (_, n) =>
          jobOf(round * messageLimits.batchItems + n + 1)
        ),
        clock.now()
      )
    const fits = Math.floor(rateLimits.authorItems.burst / messageLimits.batchItems)
    const verdicts = []
    for (let round = 0; round <= fits; round++)
      verdicts.push(await deliver('jobs', full(round), `peer${round}`))
    expect(verdicts).toEqual([...Array(fits).fill('accept'), 'ignore'])
    const other = await envelopeCodec(network, 'jobs').seal(full(0), alice)
    expect(await net.deliver('b', topicOf(network, 'jobs'), other)).toBe('accept')
    expect(b.node.stats().topics.jobs.in.ignored).toEqual({ rate: 1 })
  })

  test('rate: a peer that sends too many messages is ignored before they are looked at', async () => {
    const { net, b } = await make()
    const { burst } = rateLimits.peerMessages
    for (let n = 0; n < burst + 5; n++)
      await net.deliver('b', topicOf(network, 'jobs'), new Uint8Array(1), 'flood')
    expect(b.node.stats().topics.jobs.in).toMatchObject({
      rejected: { envelope: burst },
      ignored: { rate: 5 }
    })
    expect(await net.deliver('b', topicOf(network, 'jobs'), new Uint8Array(1), 'other')).toBe('reject')
  })

  test('holding: a lease of an unknown job waits, and comes when the job is known', async () => {
    const known = new Set<string>()
    const { a, b, lease } = await make(key => known.has(key))
    await a.node.publishLeases([lease(1), lease(2)])
    expect(b.given.leases).toEqual([])
    expect(b.node.stats()).toMatchObject({
      held: 2,
      topics: { leases: { in: { ignored: { 'unknown-job': 1 } } } }
    })
    known.add(hash(1))
    b.node.jobsKnown([hash(1)])
    expect(b.given.leases).toEqual([{ leases: [lease(1)], author: authorOf(alice) }])
    expect(b.node.stats().held).toBe(1)
  })

  test('holding: in a mixed batch the known ones go on and the others wait', async () => {
    const { a, b, lease } = await make(key => key === hash(2))
    await a.node.publishLeases([lease(1), lease(2)])
    expect(b.given.leases.flatMap(({ leases }) => leases)).toEqual([lease(2)])
    expect(b.node.stats()).toMatchObject({ held: 1, topics: { leases: { in: { accepted: 1 } } } })
  })

  test('holding: what has expired meanwhile does not come', async () => {
    const { a, b, lease, clock } = await make(() => false)
    await a.node.publishLeases([lease(1, { expiresMs: clock.now() + 1_000 }), lease(2)])
    await clock.advance(1_000)
    b.node.jobsKnown([hash(1), hash(2)])
    expect(b.given.leases.flatMap(({ leases }) => leases.map(({ job }) => job))).toEqual([hash(2)])
  })

  test('holding: a flood of leases of unknown jobs is bounded by author', async () => {
    const { deliver, lease, clock, b } = await make(() => false)
    const worker = authorOf(carol)
    for (let round = 0; round < 8; round++) {
      const leases = Array.from({ length: 256 }, (_, n) => lease(round * 256 + n, { worker }))
      await deliver('leases', encodeLeases(leases, worker, clock.now()))
    }
    expect(b.node.stats().held).toBe(holdingLimits.perAuthor)
  })

  test('lifecycle: publishes only while started; start and stop may be repeated', async () => {
    const { a, b, net } = await make()
    await a.node.start()
    const last = a.node.publishJobs([jobOf(1)])
    await a.node.stop()
    await last
    expect(b.given.jobs).toHaveLength(1)
    expect(net.topics('a')).toEqual([])
    expect(net.topics('b').sort()).toEqual(topicsOf(network).sort())
    await a.node.stop()
    await a.node.start()
    await expect(a.node.publishJobs([jobOf(2)])).rejects.toMatchObject({ code: 'BUFFALO_ERR_GOSSIP' })
  })

  test('lifecycle: a node that was not started publishes nothing', async () => {
    const node = gossip({ network, timing: localTiming })({
      pubsub: hub().pubsub('x'),
      privateKey: alice,
      clock: manualClock(),
      logger: silentLogger(),
      handlers: recorder().handlers,
      jobKeyOf
    })
    await expect(node.publishJobs([jobOf(1)])).rejects.toMatchObject({ code: 'BUFFALO_ERR_GOSSIP' })
  })

  test('publishing: another worker’s lease is refused, and the next is sent', async () => {
    const { a, b, lease } = await make()
    await expect(a.node.publishLeases([lease(1, { worker: authorOf(bob) })])).rejects.toMatchObject({
      code: 'BUFFALO_ERR_INVALID_MESSAGE'
    })
    await a.node.publishLeases([lease(1)])
    expect(b.given.leases).toHaveLength(1)
  })

  test('behavior: an envelope is kept as evidence only if the leases that count pay for its length', async () => {
    const { b, clock, deliver } = await make(key => key === hash(1))
    const kept: (number | undefined)[] = []
    b.handlers.onLeases = (_, __, envelope) => void kept.push(envelope?.byteLength)
    const claim = (job: number): Lease => ({
      job: hash(job),
      worker: authorOf(carol),
      startMs: clock.now(),
      expiresMs: clock.now() + 10_000,
      sequence: 0,
      release: undefined
    })
    const batch = (jobs: number[]) => encodeLeases(jobs.map(claim), authorOf(carol), clock.now())
    await deliver('leases', batch([1]))
    await deliver('leases', batch(Array.from({ length: 200 }, (_, n) => n + 1)))
    expect(kept[0]).toBeLessThanOrEqual(evidenceBytesPerItem)
    expect(kept.slice(1)).toEqual([undefined])
  })
})
