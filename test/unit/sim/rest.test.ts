import { describe, expect, it } from 'vitest'
import type { Fault } from '../../sim/faults.js'
import { faultKinds } from '../../sim/faults.js'
import { type RunInit, simulate } from '../../sim/run.js'

const run = (seed: number, rest: Partial<RunInit> = {}) =>
  simulate({ seed, workers: 3, jobs: 1, kinds: faultKinds, broken: undefined, rest: true, ...rest })

/** A clock that is an hour ahead until it is set. */
const set: Fault = { kind: 'skew', fromMs: 0, toMs: 20_000, nodes: [0], amount: 3_600_000, flag: false }

describe('a network at rest', () => {
  it('behavior: each job is final in time, whatever the seed', async () => {
    for (const seed of [11, 12, 13, 14]) {
      const { violations } = await run(seed)
      expect({ seed, violations }).toEqual({ seed, violations: [] })
    }
  })

  it('behavior: one seed in ten of the others is one, the same each time', async () => {
    const [first, again] = [await run(10, { rest: false }), await run(10)]
    expect(first.traceHash).toBe(again.traceHash)
    expect(first.jobs).toBeLessThanOrEqual(3)
  })

  it('behavior: a worker that waits by a clock that is set back keeps its jobs waiting, and the run says so', async () => {
    const init = { workers: 1, faults: [set] }
    const failing = await run(1, { ...init, broken: 'set-waits' })
    expect(new Set(failing.violations.map(({ rule }) => rule))).toEqual(new Set(['I4']))
    expect((await run(1, init)).violations).toEqual([])
  })
})
