import { generateKeyPair } from '@libp2p/crypto/keys'
import { describe, expect, test } from 'vitest'
import { envelopeCodec } from '../../../src/gossip/envelope.js'
import { gossip } from '../../../src/gossip/gossip.js'
import { messageLimits, rateLimits } from '../../../src/gossip/limits.js'
import { type TopicKind, topicOf } from '../../../src/gossip/topic.js'
import { encodeJobs } from '../../../src/gossip/validation/jobs.js'
import { encodePresence } from '../../../src/gossip/validation/presence.js'
import { localTiming } from '../../../src/interface/index.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { silentLogger } from '../../helpers/silent-logger.js'
import { authorOf, hub, jobKeyOf, jobOf, keyOf, network, recorder } from './fakes.js'

/** A node that takes only `proven` for a key that is not made up. */
async function make() {
  const clock = manualClock()
  const net = hub()
  const proven = await keyOf(9)
  const { given, handlers } = recorder()
  const node = gossip({ network, timing: localTiming })({
    pubsub: net.pubsub('node'),
    privateKey: await keyOf(1),
    clock,
    logger: silentLogger(),
    handlers: { ...handlers, isProven: author => author === authorOf(proven) },
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
  return { clock, node, given, proven, send, presence, flood }
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
    const { perSecond, burst } = rateLimits.peerUnproven
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
    expect(passed).toBe(Math.floor(rateLimits.unproven.burst / batchKib))
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
})
