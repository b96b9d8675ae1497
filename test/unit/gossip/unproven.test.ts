import { generateKeyPair } from '@libp2p/crypto/keys'
import { describe, expect, test } from 'vitest'
import { envelopeCodec } from '../../../src/gossip/envelope.js'
import { gossip } from '../../../src/gossip/gossip.js'
import { messageLimits, rateLimits } from '../../../src/gossip/limits.js'
import { type TopicKind, topicOf } from '../../../src/gossip/topic.js'
import { encodeJobs } from '../../../src/gossip/validation/jobs.js'
import { encodePresence } from '../../../src/gossip/validation/presence.js'
import { encodeResults } from '../../../src/gossip/validation/results.js'
import { localTiming } from '../../../src/interface/index.js'
import { peerIdOf } from '../../../src/network/identity.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { silentLogger } from '../../helpers/silent-logger.js'
import { authorOf, hub, jobKeyOf, jobOf, keyOf, network, recorder } from './fakes.js'

/** A node that takes only `proven` for a key that is not made up. */
async function make() {
  const clock = manualClock()
  const net = hub()
  const proven = await keyOf(9)
  const { given, handlers } = recorder()
  const registry = { isUp: true }
  const node = gossip({ network, timing: localTiming })({
    pubsub: net.pubsub('node'),
    privateKey: await keyOf(1),
    clock,
    logger: silentLogger(),
    handlers: { ...handlers, isProven: author => author === authorOf(proven), canAsk: () => registry.isUp },
    jobKeyOf
  })
  await node.start()

  async function send(kind: TopicKind, payload: Uint8Array, key: typeof proven, from: string) {
    return net.deliver(
      'node',
      topicOf(network, kind),
      await envelopeCodec(network, kind).seal(payload, key),
      from
    )
  }
  const presence = (key: typeof proven) =>
    encodePresence(
      {
        worker: authorOf(key),
        account: network.oracle,
        models: [],
        capacity: 1,
        load: 0,
        sentAtMs: clock.now()
      },
      authorOf(key)
    )
  /** A full batch of each of so many new keys; how many were passed on. */
  async function flood(count: number, from: string): Promise<number> {
    const batch = fullBatch(clock.now())
    let passed = 0
    for (let n = 0; n < count; n++) {
      if ((await send('jobs', batch, await generateKeyPair('Ed25519'), from)) === 'accept') passed++
    }
    return passed
  }
  /** One message of a key that nobody knows, and a way to hand it over many times: gossipsub itself would show it once. */
  async function strangers(items = 1) {
    const key = await generateKeyPair('Ed25519')
    const jobs = Array.from({ length: items }, (_, n) => jobOf(n + 1))
    const sealed = await envelopeCodec(network, 'jobs').seal(encodeJobs(jobs, clock.now()), key)
    const topic = topicOf(network, 'jobs')
    return {
      peer: peerIdOf(authorOf(key)).toString(),
      async say(times: number, from: string): Promise<void> {
        for (let n = 0; n < times; n++)
          expect(await net.deliver('node', topic, sealed, from)).not.toBe('reject')
      }
    }
  }
  return { clock, node, given, registry, proven, send, presence, flood, strangers, penalised: net.penalised }
}

/** The largest message that this version sends. */
const fullBatch = (nowMs: number): Uint8Array =>
  encodeJobs(
    Array.from({ length: messageLimits.batchItems }, (_, n) => jobOf(n + 1)),
    nowMs
  )

/** What it costs, in its envelope of some 170 bytes. */
const batchKib = Math.ceil((fullBatch(1_700_000_000_000).byteLength + 170) / 1_024)

describe('authors about whom nothing is known', () => {
  test('behavior: made-up keys share what one link may bring, and are ignored beyond it', async () => {
    const { node, clock, flood } = await make()
    const { perSecond, burst } = rateLimits.peerUnproven.jobs
    const atOnce = Math.floor(burst / batchKib)
    expect(await flood(atOnce + 20, 'stranger')).toBe(atOnce)
    await clock.advance(10_000)
    const later = Math.floor((10 * perSecond + (burst % batchKib)) / batchKib)
    expect(await flood(later + 20, 'stranger')).toBe(later)
    expect(node.stats().topics.jobs.in.ignored).toEqual({ unproven: 40 })
    expect(node.stats().topics.jobs.in.rejected).toEqual({})
  })

  test('behavior: strangers on many links share one allowance', async () => {
    const { flood } = await make()
    let passed = 0
    for (let link = 0; link < 4; link++) passed += await flood(50, `stranger ${link}`)
    expect(passed).toBe(Math.floor(rateLimits.unproven.jobs.burst / batchKib))
  })

  test('behavior: one key has little of it, over whatever links, and takes nothing from others', async () => {
    const { flood, send, strangers, node, clock } = await make()
    const { say } = await strangers(messageLimits.batchItems)
    for (let link = 0; link < 20; link++) await say(20, `link ${link}`)
    const { perSecond, burst } = rateLimits.authorUnproven
    const atOnce = Math.floor(burst / batchKib)
    expect(node.stats().topics.jobs.in.accepted).toBe(atOnce)
    await clock.advance(10_000)
    await say(20, 'link 0')
    const later = Math.floor((10 * perSecond + (burst % batchKib)) / batchKib)
    expect(node.stats().topics.jobs.in.accepted).toBe(atOnce + later)
    expect(await flood(20, 'link 0')).toBe(20)
    const sequencer = await keyOf(6)
    expect(await send('jobs', fullBatch(clock.now()), sequencer, 'link 0')).toBe('accept')
  })

  test('behavior: of what strangers have no need to say less is passed on', async () => {
    const { send, clock, node } = await make()
    const notice = encodeResults([{ job: jobOf(1).key, jobId: 1n, txHash: jobOf(1).txHash }], clock.now())
    const { burst } = rateLimits.peerUnproven.results
    for (let n = 0; n < burst + 10; n++)
      await send('results', notice, await generateKeyPair('Ed25519'), 'stranger')
    expect(node.stats().topics.results.in.accepted).toBe(burst)
    expect(burst).toBeLessThan(rateLimits.peerUnproven.jobs.burst)
  })

  test("behavior: a newcomer's presence comes through while a stranger floods", async () => {
    const { flood, send, presence, given } = await make()
    await flood(100, 'stranger')
    const newcomer = await keyOf(5)
    expect(await send('presence', presence(newcomer), newcomer, 'newcomer')).toBe('accept')
    expect(given.presence.at(-1)?.worker).toBe(authorOf(newcomer))
  })

  test('behavior: who is proven is not held back by strangers, even over their link', async () => {
    const { flood, send, proven, clock } = await make()
    await flood(100, 'stranger')
    expect(await send('jobs', fullBatch(clock.now()), proven, 'stranger')).toBe('accept')
  })

  test('behavior: a stranger that floods with its own messages is penalised, and nobody for passing them on', async () => {
    const { strangers, penalised, node } = await make()
    const { peer, say } = await strangers(messageLimits.batchItems)
    await say(Math.floor(rateLimits.authorUnproven.burst / batchKib) + rateLimits.ownUnproven.burst, peer)
    expect(penalised).toEqual([])
    await say(20, peer)
    expect(penalised).toEqual(Array(20).fill(peer))
    await say(20, 'one that passes it on')
    expect(penalised).toHaveLength(20)
    expect(node.stats().topics.jobs.in).toMatchObject({ floods: 20, rejected: {} })
  })

  test('behavior: a sequencer that is not known yet may tell of a large backlog', async () => {
    const { strangers, penalised, clock } = await make()
    const { peer, say } = await strangers(messageLimits.batchItems)
    // As many as a node sends: a batch for each 256 of 10,000 jobs a second, for a minute.
    for (let second = 0; second < 60; second++) {
      await say(40, peer)
      await clock.advance(1_000)
    }
    expect(penalised).toEqual([])
  })

  test('behavior: a peer that passes on what it may have taken of strangers is not penalised, one that sends more is', async () => {
    const { strangers, penalised, clock } = await make()
    const {
      unproven: { jobs: unproven },
      passedUnproven,
      peerMessages
    } = rateLimits
    const first = await strangers()
    await first.say(unproven.burst, 'honest')
    for (let second = 0; second < 3; second++) {
      await clock.advance(1_000)
      await (await strangers()).say(unproven.perSecond, 'honest')
    }
    expect(penalised).toEqual([])
    const { say } = await strangers()
    for (let sent = 0; sent < unproven.burst + passedUnproven.burst; sent += peerMessages.perSecond) {
      await say(peerMessages.perSecond, 'liar')
      await clock.advance(1_000)
    }
    expect(penalised.length).toBeGreaterThan(0)
    expect(new Set(penalised)).toEqual(new Set(['liar']))
  })

  test('behavior: while the registry cannot be asked nobody is penalised for authors that may be registered', async () => {
    const { strangers, penalised, registry, node } = await make()
    registry.isUp = false
    const { peer, say } = await strangers(messageLimits.batchItems)
    const taken = Math.floor(rateLimits.authorUnproven.burst / batchKib)
    await say(taken + rateLimits.ownUnproven.burst + 20, peer)
    expect(penalised).toEqual([])
    // No more of them is taken than at other times.
    expect(node.stats().topics.jobs.in.accepted).toBe(taken)
    // Once it can be, there is time to do so.
    registry.isUp = true
    await say(20, peer)
    expect(penalised).toEqual([])
  })
})
