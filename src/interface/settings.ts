import type { Address } from './bytes.js'
import type { LeaseTiming } from './lease.js'

/** The network that a node belongs to. */
export interface NetworkIdentity {
  chainId: number
  oracle: Address
  registry: Address
}

/** Timing for the loopback interface and for one machine room: delivery well under 100 ms. */
export const localTiming: LeaseTiming = {
  slotMs: 400,
  skewMs: 100,
  leaseMs: 10_000,
  presenceIntervalMs: 1_000
}
/** Timing across the internet: delivery under 900 ms, clocks within 500 ms. */
export const internetTiming: LeaseTiming = {
  slotMs: 2_000,
  skewMs: 500,
  leaseMs: 10_000,
  presenceIntervalMs: 5_000
}

/**
 * Heartbeat of the gossip mesh. 700 ms is what Ethereum's consensus layer runs gossipsub with: a message that the mesh
 * lost is fetched one heartbeat earlier than with gossipsub's own 1 s.
 */
export const gossipHeartbeatMs = 700

/**
 * The longest time that one claim or renewal may hold; a longer one is refused by every node. Three times the default L:
 * it bounds how long a crashed worker of another setting keeps others from a job.
 */
export const maximalLeaseMs = 30_000
