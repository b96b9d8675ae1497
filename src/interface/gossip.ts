import type { JobKey, PeerKey } from './bytes.js'
import type { JobReference } from './job.js'
import type { EquivocationProof, Lease, Presence } from './lease.js'
import type { ResultNotice } from './result.js'
import type { Startable } from './startable.js'

/**
 * The signed batches of the four topics. What is published in one tick, or while the network is busy, shares a batch and
 * its signature. A publish resolves when its last item was handed to the network, and throws GossipError if the node
 * is stopped or publishes faster than it can send. A node's own messages do not come back to its handlers.
 */
export interface Gossip extends Startable {
  publishJobs(jobs: JobReference[]): Promise<void>
  /** Each lease's `worker` must be this node. */
  publishLeases(leases: Lease[]): Promise<void>
  publishResults(notices: ResultNotice[]): Promise<void>
  /** Of several that wait, the latest is sent. `worker` must be this node. */
  publishPresence(presence: Presence): Promise<void>
  /** Tells that jobs became known here: leases that waited for them go to `onLeases` now. */
  jobsKnown(keys: JobKey[]): void
}

/**
 * Where checked messages go. Each call holds one author's batch, valid in form, signature, size and time;
 * nothing in it has been checked against the chain yet.
 */
export interface GossipHandlers {
  onJobs(jobs: JobReference[], author: PeerKey): void
  /**
   * `envelope`: the signed bytes that the leases came in, to pass them on and as evidence. Undefined where it is so long
   * for what it holds that keeping it would cost too much.
   */
  onLeases(leases: Lease[], author: PeerKey, envelope: Uint8Array | undefined): void
  onResults(notices: ResultNotice[], author: PeerKey): void
  /** `envelope`: as for leases. `isPassedOn`: it came by sync, some time after it was sent. */
  onPresence(presence: Presence, envelope?: Uint8Array, isPassedOn?: boolean): void
  /** A presence that is early or late, and counts as none: many such show that this node's own clock is wrong. */
  onUntimelyPresence?(presence: Presence): void
  /** This node's own leases are on their way. */
  onOwnLeases?(leases: Lease[], envelope: Uint8Array): void
  /** This node's own presence was. */
  onOwnPresence?(envelope: Uint8Array): void
  /** A worker claimed a job twice in one slot: checked, whoever says so. */
  onProof?(proof: EquivocationProof): void
  /** Whether nothing more is heard of this author for a while, because it was proven to lie. */
  isShunned?(author: PeerKey): boolean
  /**
   * Whether anything has shown that an author is no made-up key: the registry knows it, or its jobs were on the chain. Those of
   * whom nothing is known share one allowance. Without this, all count as proven.
   */
  isProven?(author: PeerKey, kind: 'jobs' | 'leases' | 'results' | 'presence'): boolean
  /** False while this node can find out about nobody: then nobody is penalised for what unknown authors send. Default: it can. */
  canAsk?(): boolean
  /** Whether a job is known here: leases of unknown jobs wait in the holding queue. */
  isKnownJob(key: string): boolean
}
