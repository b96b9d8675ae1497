import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import type {
  GossipHandlers,
  JobReference,
  Lease,
  NetworkIdentity,
  Presence,
  PubSub,
  ResultNotice,
  Verdict
} from '../../../src/interface/index.js'

export const network: NetworkIdentity = {
  chainId: 31337,
  oracle: '0x5FbDB2315678afecb367f032d93F642f64180aa3',
  registry: '0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512'
}

/** A key that is the same in each run. */
export async function keyOf(number: number): Promise<PrivateKey> {
  return generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(number))
}

export function authorOf(key: PrivateKey): string {
  return Buffer.from(key.publicKey.raw).toString('hex')
}

type Validate = (from: string, data: Uint8Array) => Promise<Verdict>

/** A network in which each message reaches all others at once. */
export function hub() {
  const nodes = new Map<string, Map<string, Validate>>()
  const sent: { from: string; topic: string; data: Uint8Array }[] = []
  /** Peers that nodes held something against, each time. */
  const penalised: string[] = []
  let gate: Promise<void> | undefined
  return {
    sent,
    penalised,
    /** Holds publishes back until the promise resolves. */
    hold: (until: Promise<void> | undefined) => {
      gate = until
    },
    /** Gives bytes to a node as if a peer had sent them. */
    deliver: async (to: string, topic: string, data: Uint8Array, from = 'stranger') =>
      nodes.get(to)?.get(topic)?.(from, data),
    topics: (name: string) => [...(nodes.get(name)?.keys() ?? [])],
    pubsub(name: string): PubSub {
      const topics = new Map<string, Validate>()
      nodes.set(name, topics)
      return {
        subscribe: (topic, validate) => void topics.set(topic, validate),
        unsubscribe: topic => void topics.delete(topic),
        penalise: peer => void penalised.push(peer),
        async publish(topic, data) {
          await gate
          sent.push({ from: name, topic, data })
          await Promise.all(
            [...nodes]
              .filter(([other]) => other !== name)
              .map(([, subscribed]) => subscribed.get(topic)?.(name, data))
          )
        },
        subscribers: topic =>
          [...nodes].filter(([other, its]) => other !== name && its.has(topic)).map(([other]) => other)
      }
    }
  }
}

export interface Given {
  jobs: { jobs: JobReference[]; author: string }[]
  leases: { leases: Lease[]; author: string }[]
  results: { notices: ResultNotice[]; author: string }[]
  presence: Presence[]
}

/** Handlers that keep what they are given. */
export function recorder(isKnownJob: (key: string) => boolean = () => true): {
  given: Given
  handlers: GossipHandlers
} {
  const given: Given = { jobs: [], leases: [], results: [], presence: [] }
  return {
    given,
    handlers: {
      isKnownJob,
      onJobs: (jobs, author) => void given.jobs.push({ jobs, author }),
      onLeases: (leases, author) => void given.leases.push({ leases, author }),
      onResults: (notices, author) => void given.results.push({ notices, author }),
      onPresence: presence => void given.presence.push(presence)
    }
  }
}

/** 32 bytes of hex that end in a number. */
export function hash(number: number): string {
  return number.toString(16).padStart(64, '0')
}

/** In place of the job key of src/job: as good for a test, and readable. */
export function jobKeyOf({ jobId }: { jobId: bigint }): string {
  return hash(Number(jobId))
}

export function jobOf(number: number): JobReference {
  return {
    key: hash(number),
    jobId: BigInt(number),
    blockNumber: number,
    blockHash: `0x${hash(number)}`,
    txHash: `0x${hash(number)}`,
    logIndex: 0,
    dataHash: `0x${hash(number)}`
  }
}
