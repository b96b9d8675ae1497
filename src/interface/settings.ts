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
