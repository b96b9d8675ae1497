import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { type GossipService, gossip } from '../../src/gossip/gossip.js'
import { topicsOf } from '../../src/gossip/topic.js'
import type { Lease, Presence, ResultNotice } from '../../src/interface/index.js'
import {
  type GossipHandlers,
  type JobReference,
  localTiming,
  type NetworkIdentity,
  systemClock
} from '../../src/interface/index.js'
import { jobKey } from '../../src/job/job-key.js'
import { createNetwork, type Network, type NetworkInit } from '../../src/network/libp2p.js'
import { silentLogger } from '../helpers/silent-logger.js'

export const network: NetworkIdentity = {
  chainId: 31337,
  oracle: '0x5FbDB2315678afecb367f032d93F642f64180aa3',
  registry: '0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512'
}

/** What one node was given, and a way to wait for more. */
export interface Inbox {
  jobs: JobReference[]
  leases: Lease[]
  results: ResultNotice[]
  presence: Presence[]
  handlers: GossipHandlers
  /** Resolves when `ready` holds; looks each time that something arrives. */
  until(ready: (inbox: Inbox) => boolean): Promise<void>
}

export interface TestNode {
  network: Network
  gossip: GossipService
  inbox: Inbox
  stop(): Promise<void>
}

/** A real node in this process, on a free port of the loopback interface. */
export async function startNode(
  init: Partial<NetworkInit> & { isKnownJob?: GossipHandlers['isKnownJob'] } = {}
): Promise<TestNode> {
  const { isKnownJob = () => true, privateKey = await generateKeyPair('Ed25519'), ...rest } = init
  const node = await createNetwork(
    { privateKey, topics: topicsOf(network), ...rest },
    { clock: systemClock, logger: silentLogger() }
  )
  const inbox = makeInbox(isKnownJob)
  const service = startGossip(node, privateKey, inbox)
  await node.start()
  await service.start()
  return {
    network: node,
    gossip: service,
    inbox,
    stop: async () => {
      await service.stop()
      await node.stop()
    }
  }
}

function startGossip(node: Network, privateKey: PrivateKey, inbox: Inbox): GossipService {
  return gossip({ network, timing: localTiming })({
    pubsub: node.pubsub,
    privateKey,
    clock: systemClock,
    logger: silentLogger(),
    handlers: inbox.handlers,
    jobKeyOf: reference => jobKey(network, reference)
  })
}

function makeInbox(isKnownJob: GossipHandlers['isKnownJob']): Inbox {
  const waiting = new Set<() => void>()
  const look = (): void => {
    for (const wake of [...waiting]) wake()
  }
  const inbox: Inbox = {
    jobs: [],
    leases: [],
    results: [],
    presence: [],
    handlers: {
      isKnownJob,
      onJobs: jobs => void (inbox.jobs.push(...jobs), look()),
      onLeases: leases => void (inbox.leases.push(...leases), look()),
      onResults: notices => void (inbox.results.push(...notices), look()),
      onPresence: presence => void (inbox.presence.push(presence), look())
    },
    until: ready =>
      new Promise(resolve => {
        const wake = (): void => {
          if (!ready(inbox)) return
          waiting.delete(wake)
          resolve()
        }
        waiting.add(wake)
        wake()
      })
  }
  return inbox
}

/** Resolves when every node is connected to all others and knows that they are on the topics. */
export async function meshed(nodes: TestNode[]): Promise<void> {
  await Promise.all(
    nodes.map(({ network: node }) =>
      when(node, () =>
        topicsOf(network).every(topic => new Set(node.pubsub.subscribers(topic)).size >= nodes.length - 1)
      )
    )
  )
}

/** Resolves when `ready` holds; looks at each change of connections or subscriptions. */
export async function when(node: Network, ready: () => boolean): Promise<void> {
  const { libp2p } = node
  await new Promise<void>(resolve => {
    const look = (): void => {
      if (!ready()) return
      libp2p.removeEventListener('peer:connect', look)
      libp2p.removeEventListener('peer:disconnect', look)
      libp2p.services.gossipsub.removeEventListener('subscription-change', look)
      resolve()
    }
    libp2p.addEventListener('peer:connect', look)
    libp2p.addEventListener('peer:disconnect', look)
    libp2p.services.gossipsub.addEventListener('subscription-change', look)
    look()
  })
}

/** A job reference of this network, other for each number. */
export function jobOf(number: number): JobReference {
  const hex = (salt: string): `0x${string}` => `0x${(salt + number.toString(16)).padStart(64, '0')}`
  const reference = {
    jobId: BigInt(number + 1),
    blockNumber: number,
    blockHash: hex('b'),
    txHash: hex('c'),
    logIndex: number % 7,
    dataHash: hex('d')
  }
  return { key: jobKey(network, reference), ...reference }
}
