import type { Hex, JobKey, PeerKey } from './bytes.js'
import type { ReleaseReason } from './lease.js'

/** What every event about a job says. Key and id name the job; `atMs` is the node's clock. */
interface JobEvent {
  job: JobKey
  jobId: bigint
  atMs: number
}

/** What a node does, as it does it: the timeline of its jobs. Logs, metrics and the local network's table all read it. */
export type NodeEvent =
  /** A sequencer read the job from the subgraph. */
  | ({ type: 'job:indexed' } & JobEvent)
  /** A sequencer gossiped the job, for the `attempt`-th time. */
  | ({ type: 'job:announced'; attempt: number } & JobEvent)
  /** A worker found an announced job on chain. */
  | ({ type: 'job:verified' } & JobEvent)
  /** The chain does not hold an announced job. */
  | ({ type: 'job:missing'; reason: string } & JobEvent)
  /** The chain says that the job is final. */
  | ({ type: 'job:final' } & JobEvent)
  | ({ type: 'lease:acquired'; slot: number; rank: number } & JobEvent)
  | ({ type: 'lease:renewed'; expiresMs: number } & JobEvent)
  | ({ type: 'lease:released'; reason: ReleaseReason } & JobEvent)
  /** A better lease than this node's arrived: it stops. */
  | ({ type: 'lease:lost'; holder: PeerKey } & JobEvent)
  | ({ type: 'execution:started'; manifest: string } & JobEvent)
  | ({ type: 'execution:finished'; success: boolean; code: number; durationMs: number } & JobEvent)
  | ({ type: 'execution:aborted' } & JobEvent)
  | ({ type: 'submission:sent'; txHash: Hex } & JobEvent)
  | ({ type: 'submission:accepted'; txHash: Hex } & JobEvent)
  | ({ type: 'submission:refused'; status: number } & JobEvent)

/** Given to every stage. Must not throw. */
export type EmitEvent = (event: NodeEvent) => void
