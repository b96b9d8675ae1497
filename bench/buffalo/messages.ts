import type { Hex, PeerKey } from '../../src/interface/index.js'
import type { StreamInit, StreamOutcome } from '../contender.js'
import type { TrafficReport } from './traffic.js'

/** What a node's process is told at its start. */
export interface NodeInit {
  role: 'sequencer' | 'worker'
  /** Of its own: database and nothing else. */
  dataDir: string
  /** libp2p's protobuf form. */
  privateKey: Uint8Array
  /** Multiaddrs of the nodes that are up. */
  bootstrap: string[]
  /** The registry of the chain in memory: account -> key. */
  registry: [account: Hex, key: PeerKey][]
}

/** What a node has counted since its start. */
export interface NodeReport {
  role: NodeInit['role']
  traffic: TrafficReport
  executions: number
  /** Leases lost to a better one after they were acquired. */
  leasesLost: number
  /** Lines of log at `warn` and `error`. */
  complaints: string[]
  /** CPU time of the process. */
  cpuMs: number
  memoryMb: number
}

export type Request =
  | { kind: 'start'; init: NodeInit }
  | { kind: 'peers' }
  | { kind: 'round-trips'; count: number }
  | { kind: 'stream'; stream: StreamInit }
  | { kind: 'report' }
  | { kind: 'stop' }

/** The answer to each request. */
export interface Answers {
  start: { addresses: string[] }
  /** Other live workers that a worker knows; for a sequencer, its connections. */
  peers: number
  'round-trips': number[]
  stream: StreamOutcome
  report: NodeReport
  stop: undefined
}

export type Reply = { ok: true; value: Answers[keyof Answers] } | { ok: false; error: string }
