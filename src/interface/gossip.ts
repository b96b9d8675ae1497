import type { JobKey, PeerKey } from './bytes.js'
import type { JobReference } from './job.js'
import type { Lease, Presence } from './lease.js'
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
  onLeases(leases: Lease[], author: PeerKey): void
  onResults(notices: ResultNotice[], author: PeerKey): void
  onPresence(presence: Presence): void
  /** Whether a job is known here: leases of unknown jobs wait in the holding queue. */
  isKnownJob(key: string): boolean
}
