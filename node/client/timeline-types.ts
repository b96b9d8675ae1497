import type { Hex, JobKey, PeerKey, ReleaseReason, SubmissionStatus } from '../../src/interface/index.js'
import type { NodeTimeline } from '../../src/timeline/index.js'

/** What one log of the Oracle says of a job. Times are those of blocks: whole seconds, and only about right. */
export type ChainEvent = {
  atMs: number
  blockNumber: number
  txHash: Hex
} & (
  | { type: 'created'; job: JobKey }
  | { type: 'succeeded'; worker: ChainWorker }
  /** `worker`: undefined where nobody answered in time, and the job was reclaimed. */
  | { type: 'failed'; worker: ChainWorker | undefined; code: number; reason: string }
  /** `returnData`: at most 256 bytes of what it reverted with. */
  | { type: 'callback'; success: boolean; returnData?: Hex }
  | { type: 'refused'; worker: ChainWorker; status: SubmissionStatus }
)

export interface ChainWorker {
  account: string
  /** Undefined where the registry names none, now. */
  peerKey: PeerKey | undefined
}

/** A node that was asked, or should have been. */
export interface AskedNode {
  peerId: string
  peerKey: PeerKey
  /** Undefined where it was not reached. */
  timeline: NodeTimeline | undefined
  /** Why it was not reached. */
  problem: string | undefined
}

/** Everything that was found out about a job. */
export interface Findings {
  jobId: bigint
  /** Undefined where the chain does not answer. */
  chain: ChainEvent[] | undefined
  nodes: AskedNode[]
}

/** Who said a line: `chain`, or the peer ids of nodes. What is concluded from other lines is said by nobody. */
export type Saying = string[]

/** One line of a job's story. */
export interface StoryEvent {
  /** ms since the epoch, by this machine's clock: those of nodes are corrected by the difference of the clocks. */
  atMs: number
  /** `created`, `claimed`, `released`, `expired`, … */
  type: string
  /** Peer id of the node that did it. */
  node: string | undefined
  saidBy: Saying
  /** In words, without time and node. */
  text: string
  /** The request that it is about: after a reorg there are several. */
  job: JobKey | undefined
  /** It is about a request that the chain does not hold (any more). */
  isOrphaned: boolean
}

/** One worker's claim on a job, put together from what all say of it. */
export interface Claim {
  job: JobKey
  worker: PeerKey
  slot: number
  /** As the worker signed them: in its own clock. */
  startMs: number
  /** The end of its latest known renewal. */
  expiresMs: number
  /** Corrected to this machine's clock. */
  startedAtMs: number
  expiresAtMs: number
  /** SHA-256(job, worker): lower is better. */
  score: string
  /** Undefined where only others speak of the claim. */
  rank: number | undefined
  renewals: number
  release: { reason: ReleaseReason | undefined; atMs: number } | undefined
  saidBy: Set<string>
}

export interface Winner {
  /** Peer id. */
  worker: string
  account: string | undefined
  /** `final`: its result is on chain. `holder`: the job is open, and it holds it. */
  state: 'final' | 'holder'
  /** In words. */
  why: string
}
