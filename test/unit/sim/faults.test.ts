import { describe, expect, it } from 'vitest'
import { faultKinds } from '../../sim/faults.js'
import { simulate } from '../../sim/run.js'

/** One in five seeds is without faults; some draw a fault that befalls nobody. */
const SEEDS = [1, 2, 3, 4, 6]

describe('a network with one kind of fault', () => {
  for (const kind of faultKinds) {
    it(`behavior: ${kind} breaks no invariant`, async () => {
      let count = 0
      for (const seed of SEEDS) {
        const run = await simulate({ seed, workers: 4, jobs: 5, kinds: [kind], broken: undefined })
        expect({ seed, violations: run.violations }).toEqual({ seed, violations: [] })
        count += run.faultCounts[kind] ?? 0
        if (count > 0) break
      }
      expect(count).toBeGreaterThan(0)
    })
  }
})
