import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { envelopeCodec } from '../../src/gossip/envelope.js'
import { messageLimits } from '../../src/gossip/limits.js'
import { topicOf, topicsOf } from '../../src/gossip/topic.js'
import { encodeJobs } from '../../src/gossip/validation/jobs.js'
import { type Lease, type Presence, systemClock } from '../../src/interface/index.js'
import { createNetwork, type Network } from '../../src/network/libp2p.js'
import { silentLogger } from '../helpers/silent-logger.js'
import { jobOf, meshed, network, startNode, type TestNode, when } from './network-nodes.js'

describe('four nodes of one machine', () => {
  let folder: string
  let nodes: TestNode[]
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'buffalo-network-'))
    nodes = await Promise.all([1, 2, 3, 4].map(() => startNode({ peerDirectory: join(folder, 'peers') })))
    await meshed(nodes)
  })
  afterAll(async () => {
    await Promise.all(nodes.map(node => node.stop()))
    await rm(folder, { recursive: true })
  })

  test('discovery: the directory alone connects each with all others', () => {
    for (const { network: node } of nodes) expect(node.peers()).toHaveLength(3)
  })

  test('delivery: a message of each kind arrives everywhere, once, and not at its author', async () => {
    const [author, ...others] = nodes as [TestNode, ...TestNode[]]
    const worker = author.network.peerKey
    const now = systemClock.now()
    const job = jobOf(1)
    const lease: Lease = {
      job: job.key,
      worker,
      startMs: now,
      expiresMs: now + 9_000,
      sequence: 0,
      release: undefined
    }
    const notice = { job: job.key, jobId: job.jobId, txHash: job.txHash }
    const presence: Presence = {
      worker,
      account: network.oracle,
      models: ['bafy'],
      capacity: 1,
      load: 0,
      sentAtMs: now
    }
    await author.gossip.publishJobs([job])
    await author.gossip.publishLeases([lease])
    await author.gossip.publishResults([notice])
    await author.gossip.publishPresence(presence)
    const end = jobOf(2)
    await author.gossip.publishJobs([end])
    await Promise.all(
      others.map(({ inbox }) =>
        inbox.until(
          ({ jobs, leases, results, presence }) =>
            jobs.length >= 2 && leases.length >= 1 && results.length >= 1 && presence.length >= 1
        )
      )
    )
    for (const { inbox } of others) {
      expect(inbox).toMatchObject({
        jobs: [job, end],
        leases: [lease],
        results: [notice],
        presence: [presence]
      })
    }
    expect(author.inbox).toMatchObject({ jobs: [], leases: [], results: [], presence: [] })
  })

  test('delivery: 2,000 jobs in batches of 50 arrive everywhere, each once', async () => {
    const [author, ...others] = nodes as [TestNode, ...TestNode[]]
    const before = others.map(({ inbox }) => inbox.jobs.length)
    const jobs = Array.from({ length: 2_000 }, (_, n) => jobOf(1_000 + n))
    for (let at = 0; at < jobs.length; at += 50) await author.gossip.publishJobs(jobs.slice(at, at + 50))
    await Promise.all(
      others.map(({ inbox }, at) => inbox.until(() => inbox.jobs.length >= (before[at] ?? 0) + jobs.length))
    )
    for (const [at, { inbox }] of others.entries()) {
      expect(inbox.jobs.slice(before[at]).map(({ key }) => key)).toEqual(jobs.map(({ key }) => key))
    }
  })
})

describe('a stranger', () => {
  const topic = topicOf(network, 'jobs')

  async function heartbeats(node: Network, count: number): Promise<void> {
    const { gossipsub } = node.libp2p.services
    for (let beat = 0; beat < count; beat++) {
      await new Promise(resolve => gossipsub.addEventListener('gossipsub:heartbeat', resolve, { once: true }))
    }
  }

  /** A peer that speaks gossipsub and keeps no rule, connected to the first of two honest nodes. */
  async function setUp(): Promise<{
    stranger: Network
    key: PrivateKey
    honest: [TestNode, TestNode]
    stop(): Promise<void>
  }> {
    const key = await generateKeyPair('Ed25519')
    const stranger = await createNetwork(
      { privateKey: key, topics: topicsOf(network) },
      { clock: systemClock, logger: silentLogger() }
    )
    await stranger.start()
    stranger.pubsub.subscribe(topic, async () => 'ignore')
    const first = await startNode({ bootstrap: stranger.addresses() })
    // Denied: what the second hears, it hears from the first.
    const second = await startNode({
      bootstrap: first.network.addresses(),
      gate: { deny: [stranger.peerId] }
    })
    await Promise.all([
      when(stranger, () => stranger.pubsub.subscribers(topic).length === 1),
      when(first.network, () => first.network.pubsub.subscribers(topic).length === 2),
      when(second.network, () => second.network.pubsub.subscribers(topic).length === 1)
    ])
    // A heartbeat takes the second into the mesh of the first: before it, nothing is passed on.
    await heartbeats(first.network, 2)
    const stop = async () => {
      await Promise.all([first.stop(), second.stop(), stranger.stop()])
    }
    return { stranger, key, honest: [first, second], stop }
  }

  test('messages: forged, malformed and oversized ones are rejected and go no further; good ones pass', async () => {
    const { stranger, key, honest, stop } = await setUp()
    const [first, second] = honest
    const codec = envelopeCodec(network, 'jobs')
    const good = await codec.seal(encodeJobs([jobOf(1)], systemClock.now()), key)
    const forged = Uint8Array.from(good)
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1
    await stranger.pubsub.publish(topic, forged)
    await stranger.pubsub.publish(topic, Uint8Array.from([1, 2, 3]))
    await stranger.pubsub.publish(topic, await codec.seal(new Uint8Array(messageLimits.envelopeBytes), key))
    await stranger.pubsub.publish(topic, good)
    // One connection keeps the order: once the good one is there, the others were judged.
    await second.inbox.until(({ jobs }) => jobs.length > 0)
    await stop()
    expect(first.gossip.stats().topics.jobs.in).toMatchObject({
      messages: 4,
      accepted: 1,
      rejected: { signature: 1, envelope: 1, oversize: 1 }
    })
    expect(second.gossip.stats().topics.jobs.in).toMatchObject({ messages: 1, accepted: 1, rejected: {} })
  })

  test('score: after a few bad messages the peer is disconnected, stays out, and others are still heard', async () => {
    const { stranger, honest, stop } = await setUp()
    const [first] = honest
    for (let n = 0; n < 20; n++) await stranger.pubsub.publish(topic, Uint8Array.from([n]))
    await when(first.network, () => !first.network.peers().some(({ peerId }) => peerId === stranger.peerId))
    // The closing side refuses it after encryption; what the dialler sees of it differs.
    await stranger.libp2p.dial(first.network.libp2p.getMultiaddrs()).catch(() => undefined)
    await when(stranger, () => !stranger.peers().some(({ peerId }) => peerId === first.network.peerId))
    await honest[1].gossip.publishJobs([jobOf(2)])
    await first.inbox.until(({ jobs }) => jobs.length > 0)
    expect(first.inbox.jobs).toEqual([jobOf(2)])
    await stop()
  })

  test('score: a flood is held against its author alone, not against those that pass its messages on', async () => {
    const [stranger, honest, victim] = await Promise.all(
      [1, 2, 3].map(async () =>
        createNetwork(
          { privateKey: await generateKeyPair('Ed25519'), topics: topicsOf(network) },
          { clock: systemClock, logger: silentLogger() }
        )
      )
    )
    if (stranger === undefined || honest === undefined || victim === undefined) throw new Error('No nodes')
    const all = [stranger, honest, victim]
    await Promise.all(all.map(node => node.start()))
    const last = Promise.withResolvers<void>()
    stranger.pubsub.subscribe(topic, async () => 'ignore')
    honest.pubsub.subscribe(topic, async () => 'accept')
    victim.pubsub.subscribe(topic, async from => {
      if (from === stranger.peerId) victim.pubsub.penalise?.(from)
      else last.resolve()
      return 'ignore'
    })
    await honest.libp2p.dial(victim.libp2p.getMultiaddrs())
    await stranger.libp2p.dial(victim.libp2p.getMultiaddrs())
    await stranger.libp2p.dial(honest.libp2p.getMultiaddrs())
    await Promise.all(all.map(node => when(node, () => node.pubsub.subscribers(topic).length === 2)))
    // A heartbeat takes the victim into the mesh of the honest one: before it, nothing is passed on.
    await heartbeats(honest, 2)

    for (let n = 0; n < 10; n++) await stranger.pubsub.publish(topic, Uint8Array.from([n]))
    await when(victim, () => !victim.peers().some(({ peerId }) => peerId === stranger.peerId))
    // All that the honest one has passed on comes before this.
    await stranger.pubsub.publish(topic, Uint8Array.from([255]))
    await last.promise
    expect(victim.peers().filter(({ score }) => score >= 0)).toMatchObject([{ peerId: honest.peerId }])
    await Promise.all(all.map(node => node.stop()))
  })

  test('places: one peer holds three connections, however many it opens', async () => {
    const { stranger, honest, stop } = await setUp()
    const [first] = honest
    const addresses = first.network.libp2p.getMultiaddrs()
    for (let n = 0; n < 10; n++) {
      // Whoever is refused learns of it as it dials, or as it uses the connection.
      await stranger.libp2p
        .dial(addresses, { force: true })
        .then(connection => stranger.libp2p.services.ping.ping(connection.remotePeer))
        .catch(() => undefined)
    }
    const held = () =>
      first.network.libp2p
        .getConnections()
        .filter(({ remotePeer }) => remotePeer.equals(stranger.libp2p.peerId))
    expect(held()).toHaveLength(3)
    await stop()
  })

  test('gate: a denied peer is not connected, and is again once it is allowed', async () => {
    const { stranger, honest, stop } = await setUp()
    const [, second] = honest
    const dial = () => stranger.libp2p.dial(second.network.libp2p.getMultiaddrs())
    // The denied side closes after encryption; what the dialler sees of it differs, but it has no connection then.
    await dial().catch(() => undefined)
    await when(stranger, () => !stranger.peers().some(({ peerId }) => peerId === second.network.peerId))
    expect(second.network.peers().map(({ peerId }) => peerId)).toEqual([honest[0].network.peerId])
    second.network.gate.undeny(stranger.peerId)
    await dial()
    await when(second.network, () => second.network.peers().length === 2)
    second.network.gate.deny(stranger.peerId)
    await second.network.disconnect(stranger.peerId)
    await when(second.network, () => second.network.peers().length === 1)
    await stop()
  })
})
