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
  /** This worker claimed the job. It works on it once the claim has stood: then `lease:acquired`. Times in ms, as in Lease. */
  | ({ type: 'lease:claimed'; slot: number; rank: number; startMs: number; expiresMs: number } & JobEvent)
  | ({ type: 'lease:acquired'; slot: number; rank: number } & JobEvent)
  | ({ type: 'lease:renewed'; expiresMs: number } & JobEvent)
  | ({ type: 'lease:released'; reason: ReleaseReason } & JobEvent)
  /** A better lease than this node's arrived: it stops. */
  | ({ type: 'lease:lost'; holder: PeerKey } & JobEvent)
  /**
   * Another worker's lease arrived, and said something new: a claim (sequence 0), a renewal, or with `release` its end.
   * What is known here of the deeds of a worker that may be gone by now.
   */
  | ({
      type: 'lease:seen'
      worker: PeerKey
      slot: number
      startMs: number
      expiresMs: number
      sequence: number
      release?: ReleaseReason | undefined
    } & JobEvent)
  | ({ type: 'execution:started'; manifest: string } & JobEvent)
  | ({ type: 'execution:finished'; success: boolean; code: number; durationMs: number } & JobEvent)
  | ({ type: 'execution:aborted' } & JobEvent)
  | ({ type: 'submission:sent'; txHash: Hex } & JobEvent)
  | ({ type: 'submission:accepted'; txHash: Hex } & JobEvent)
  | ({ type: 'submission:refused'; status: number } & JobEvent)

/** Given to every stage. Must not throw. */
export type EmitEvent = (event: NodeEvent) => void
