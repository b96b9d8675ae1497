import type { Address } from './bytes.js'
import { ConfigError } from './errors.js'
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

/** The longest time from one node to another that a timing is made for: what `localTiming` and `internetTiming` say of themselves. */
export const deliveryMs = { local: 100, internet: 900 } as const

/**
 * Throws ConfigError for a timing under which honest nodes would run jobs twice, or which others would refuse.
 * `maximalDeliveryMs`: how long a message takes between two nodes at most.
 */
export function checkTiming(timing: LeaseTiming, maximalDeliveryMs: number): void {
  const { slotMs, skewMs, leaseMs } = timing
  // Rule: a claim reaches all others before the next rank's slot begins, however their clocks differ.
  const leastSlotMs = maximalDeliveryMs + 2 * skewMs
  if (slotMs <= leastSlotMs) {
    throw new ConfigError(
      `The slot Δ of ${slotMs} ms must exceed the delivery time of ${maximalDeliveryMs} ms and twice the clock difference ε of ${skewMs} ms: make it longer than ${leastSlotMs} ms`
    )
  }
  // Rule: a lease is renewed at a third of it, and of the two tries before its end one may be lost; each takes up to Δ.
  if (leaseMs < 3 * slotMs) {
    throw new ConfigError(
      `--lease-ms (flag): a lease of ${leaseMs} ms is too short to be renewed in time: it must be at least ${3 * slotMs} ms, three slots`
    )
  }
  // Rule: every node refuses a lease that holds longer.
  if (leaseMs > maximalLeaseMs) {
    throw new ConfigError(
      `--lease-ms (flag): a lease of ${leaseMs} ms is longer than others accept: it must be at most ${maximalLeaseMs} ms`
    )
  }
}
