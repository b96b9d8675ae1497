import type { JobKey } from '../../../src/interface/index.js'
import { jobKey as compute } from '../../../src/job/job-key.js'

type Network = Parameters<typeof compute>[0]
type Reference = Parameters<typeof compute>[1]

const keys = new WeakMap<Reference, JobKey>()

/** As src/job/job-key.ts, for one network: nodes of a simulation share what they have decoded, so each key is computed once. */
export function jobKey(network: Network, reference: Reference): JobKey {
  const known = keys.get(reference)
  if (known !== undefined) return known
  const key = compute(network, reference)
  keys.set(reference, key)
  return key
}
