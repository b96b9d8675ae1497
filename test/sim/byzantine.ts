import { envelopeCodec } from '../../src/gossip/envelope.js'
import { type TopicKind, topicOf, topicsOf } from '../../src/gossip/topic.js'
import { encodeJobs } from '../../src/gossip/validation/jobs.js'
import { encodeLeases } from '../../src/gossip/validation/leases.js'
import { encodePresence } from '../../src/gossip/validation/presence.js'
import { encodeResults } from '../../src/gossip/validation/results.js'
import type { Job, Lease, LeaseTiming } from '../../src/interface/index.js'
import { hashOf, type SimulatedChain } from './chain.js'
import { jobOf, network } from './chain-client.js'
import type { EventLoop } from './event-loop.js'
import type { ByzantineKind, Fault, FaultKind } from './faults.js'
import { type SimulatedKey, simulatedKey } from './keys.js'
import type { Network } from './network.js'
import type { Random } from './random.js'
import type { WorldNode } from './world.js'

export interface LiarInit {
  node: WorldNode
  plan: Fault
  net: Network
  chain: SimulatedChain
  loop: EventLoop
  rng: Random
  timing: LeaseTiming
  count(kind: FaultKind): void
}

/** Between two lies. */
const TURN_MS = 250
/** What a spammer says in one turn. */
const SPAM_PER_TURN = 20
const STRANGERS = 50
/** Longer ago than any receiver lets a claim begin. */
const BACKDATING_AFTER_MS = 3_000

/** A node that holds a real key and keeps no rule, from `plan.fromMs` to `plan.toMs`. It speaks through the same mesh. */
export function startLiar({ node, plan, net, chain, loop, rng, timing, count }: LiarInit): void {
  const { index, key, process } = node
  const pubsub = net.join(index, process)
  const recorded: { topic: string; data: Uint8Array }[] = []
  for (const topic of topicsOf(network)) {
    pubsub.subscribe(topic, async (_from, data) => {
      if (recorded.length < 500) recorded.push({ topic, data })
      return 'accept'
    })
  }
  /** Leases that it has claimed, to be renewed. */
  const claims = new Map<string, Lease>()
  const strangers = Array.from({ length: STRANGERS }, (_, n) => simulatedKey(`${key.peer} stranger ${n}`))

  async function seal(kind: TopicKind, payload: Uint8Array, by: SimulatedKey = key): Promise<Uint8Array> {
    return envelopeCodec(network, kind).seal(payload, by.privateKey)
  }

  async function say(kind: TopicKind, payload: Uint8Array, by: SimulatedKey = key): Promise<void> {
    if (plan.kind !== 'replay') count(plan.kind)
    await pubsub.publish(topicOf(network, kind), await seal(kind, payload, by))
  }

  async function sayPresence(by: SimulatedKey, capacity: number, load: number): Promise<void> {
    const presence = {
      worker: by.peer,
      account: by.account,
      models: node.models,
      capacity,
      load,
      sentAtMs: process.clock.now()
    }
    await pubsub.publish(
      topicOf(network, 'presence'),
      await seal('presence', encodePresence(presence, by.peer), by)
    )
  }

  const openJobs = (): Job[] => chain.jobs().flatMap(job => (job.final === undefined ? [jobOf(job)] : []))
  const sayLeases = (leases: Lease[], by = key): Promise<void> =>
    leases.length === 0
      ? Promise.resolve()
      : say('leases', encodeLeases(leases.slice(0, 256), by.peer, process.clock.now()), by)
  const claimOf = (job: Job, startMs: number, by = key): Lease => {
    const expiresMs = process.clock.now() + timing.leaseMs
    return { job: job.key, worker: by.peer, startMs, expiresMs, sequence: 0, release: undefined }
  }

  /** Claims each of these jobs once, and holds it for ever without doing anything. */
  async function hoard(jobs: Job[], startOf: (job: Job) => number, sequence = 0): Promise<void> {
    const nowMs = process.clock.now()
    const said: Lease[] = []
    for (const job of jobs) {
      const held = claims.get(job.key)
      if (held === undefined || held.expiresMs <= nowMs) {
        claims.set(job.key, { ...claimOf(job, startOf(job)), sequence })
      } else if (held.expiresMs - nowMs < timing.leaseMs / 2) {
        claims.set(job.key, { ...held, sequence: held.sequence + 1, expiresMs: nowMs + timing.leaseMs })
      } else continue
      const lease = claims.get(job.key)
      if (lease !== undefined) said.push(lease)
    }
    await sayLeases(said)
  }

  const turns: Record<ByzantineKind, () => Promise<void>> = {
    hoarding: () => hoard(openJobs(), () => process.clock.now()),
    // Jobs that others have been working on for a while, as if it had been there first. Half of these liars say so by
    // a renewal, whose start no clock can judge.
    backdating: () =>
      hoard(
        openJobs().filter(({ createdAtMs }) => createdAtMs < process.clock.now() - BACKDATING_AFTER_MS),
        ({ createdAtMs }) => createdAtMs - 500,
        plan.amount < 0.5 ? 0 : 1
      ),
    async 'claim-spam'() {
      const nowMs = process.clock.now()
      for (const job of openJobs().slice(0, SPAM_PER_TURN))
        await sayLeases([claimOf(job, nowMs), claimOf(job, nowMs - rng.int(1, 300))])
    },
    async equivocation() {
      const slotStartMs = Math.floor(process.clock.now() / timing.slotMs) * timing.slotMs
      for (const job of openJobs().slice(0, SPAM_PER_TURN)) {
        if (claims.has(job.key)) continue
        claims.set(job.key, claimOf(job, slotStartMs))
        // One story to some, another to the others.
        for (const other of rng.shuffle(Array.from({ length: index }, (_, peer) => peer))) {
          const lease = claimOf(job, slotStartMs + (other % 2))
          const payload = encodeLeases([lease], key.peer, process.clock.now())
          count('equivocation')
          net.sendTo(index, other, topicOf(network, 'leases'), await seal('leases', payload))
        }
      }
    },
    async 'false-presence'() {
      const stranger = rng.pick(strangers)
      count('false-presence')
      await sayPresence(stranger, 65_535, 0)
      await sayLeases(
        openJobs()
          .slice(0, SPAM_PER_TURN)
          .map(job => claimOf(job, process.clock.now(), stranger)),
        stranger
      )
    },
    async 'false-jobs'() {
      const references = Array.from({ length: SPAM_PER_TURN }, () => {
        const n = rng.int(1, 1_000_000)
        const real = rng.chance(0.3) ? openJobs()[0] : undefined
        return {
          key: '',
          jobId: real?.jobId ?? BigInt(n),
          blockNumber: real?.blockNumber ?? n,
          blockHash: hashOf('lie', n),
          txHash: real?.txHash ?? hashOf('lie tx', n),
          logIndex: 0,
          dataHash: real?.dataHash ?? hashOf('lie data', n)
        }
      })
      await say('jobs', encodeJobs(references, process.clock.now()))
    },
    async 'false-results'() {
      const notices = openJobs().map(job => ({
        job: job.key,
        jobId: job.jobId,
        txHash: hashOf('lie', job.key)
      }))
      if (notices.length > 0) await say('results', encodeResults(notices.slice(0, 256), process.clock.now()))
    },
    async replay() {
      // To a node or two at once, as gossipsub would drop it where it was seen.
      for (let i = 0; i < 5 && recorded.length > 0; i++) {
        const { topic, data } = rng.pick(recorded)
        count('replay')
        net.sendTo(index, rng.int(0, index - 1), topic, data)
        if (rng.chance(0.2)) await pubsub.publish(topic, data)
      }
    },
    async garbage() {
      const topic = rng.pick(topicsOf(network))
      const model = recorded.length > 0 ? Uint8Array.from(rng.pick(recorded).data) : new Uint8Array(64)
      const kinds = [
        () => Uint8Array.from({ length: rng.int(0, 400) }, () => rng.int(0, 255)),
        () => new Uint8Array(70_000).fill(rng.int(0, 255)),
        () => model.subarray(0, rng.int(0, model.length)),
        () => {
          for (let i = 0; i < 3; i++) model[rng.int(0, model.length - 1)] = rng.int(0, 255)
          return model
        }
      ]
      count('garbage')
      await pubsub.publish(topic, rng.pick(kinds)())
      const noise = Uint8Array.from({ length: rng.int(0, 300) }, () => rng.int(0, 255))
      const kind = rng.pick(['jobs', 'leases', 'results', 'presence'] as const)
      await say(kind, noise)
    }
  }

  const lie = turns[plan.kind as ByzantineKind]

  function turn(): void {
    if (loop.nowMs() > plan.toMs) return
    // Registered or not, it says who it is, so that its leases can count.
    const said = loop.nowMs() % (4 * TURN_MS) < TURN_MS ? sayPresence(key, 4, 0) : Promise.resolve()
    const isTime = loop.nowMs() >= plan.fromMs
    said
      .then(() => (isTime ? lie() : undefined))
      .then(
        () => process.later(TURN_MS, turn),
        err => {
          throw err
        }
      )
  }
  // It is heard from the start: of who was silent, a node believes that it has worked meanwhile (src/lease/witness.ts).
  process.later(TURN_MS, turn)
}
