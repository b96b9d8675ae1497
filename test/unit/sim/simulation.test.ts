import { describe, expect, it } from 'vitest'
import { type Fault, faultKinds } from '../../sim/faults.js'
import { type RunInit, simulate } from '../../sim/run.js'
import { simulateLarge } from '../../sim/scale.js'
import { shrink } from '../../sim/shrink.js'

const run = (seed: number, rest: Partial<RunInit> = {}) =>
  simulate({ seed, workers: 5, jobs: 8, kinds: faultKinds, broken: undefined, ...rest })

/** A fault by its main parts. */
const fault = (kind: Fault['kind'], rest: Partial<Fault>): Fault => ({
  kind,
  fromMs: 0,
  toMs: 0,
  nodes: [],
  amount: 0,
  flag: false,
  ...rest
})

/** In the order of the seeds: every kind of fault is drawn by one of them. */
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]

describe('the simulation', () => {
  it('behavior: no invariant is broken, whatever the seed', async () => {
    for (const seed of SEEDS) {
      const { violations } = await run(seed)
      expect({ seed, violations }).toEqual({ seed, violations: [] })
    }
  })

  it('behavior: a seed gives the same run each time, and another seed another', async () => {
    const [first, again, other] = [await run(8), await run(8), await run(9)]
    expect(first.traceHash).toBe(again.traceHash)
    expect(first.events).toBe(again.events)
    expect(other.traceHash).not.toBe(first.traceHash)
  })

  it('behavior: without faults each job is run once, for a few messages', async () => {
    const { executions, jobs, messages, faults } = await run(3, { kinds: [] })
    expect(faults).toEqual([])
    expect(executions).toBe(jobs)
    expect(messages).toBeLessThanOrEqual(8 * jobs)
  })

  it('behavior: messages for a job do not grow with the network', async () => {
    const small = await simulateLarge({ seed: 1, workers: 8, jobs: 20, jobsPerSecond: 5 })
    const large = await simulateLarge({ seed: 1, workers: 24, jobs: 20, jobsPerSecond: 5 })
    expect([...small.violations, ...large.violations]).toEqual([])
    expect(large.messagesPerJob / small.messagesPerJob).toBeLessThan(1.5)
  })

  it('behavior: a disk that holds up a claim for seconds makes nobody work beside another', async () => {
    const slow = fault('slow-disk', { fromMs: 23_336, toMs: 33_446, nodes: [2], amount: 2_712 })
    const { violations } = await simulate({
      seed: 9,
      workers: 7,
      jobs: 20,
      kinds: faultKinds,
      broken: undefined,
      faults: [slow]
    })
    expect(violations).toEqual([])
  })
})

describe('a rule that is broken on purpose', () => {
  it('behavior: receivers that take any start let a liar steal jobs, and the run says so', async () => {
    const kinds = ['backdating'] as const
    const init: RunInit = { seed: 1, workers: 5, jobs: 12, kinds, broken: 'no-epsilon' }
    const failing = await simulate(init)
    expect(failing.violations.map(({ rule }) => rule)).toContain('I8')
    expect((await simulate({ ...init, broken: undefined })).violations).toEqual([])
  })

  it('behavior: a worker that does not wait for its disk loses leases that others have heard of, and the run says so', async () => {
    const crash = fault('crash', { fromMs: 3_000, toMs: 30_000, nodes: [0], amount: 1, flag: true })
    const init: RunInit = {
      seed: 2,
      workers: 3,
      jobs: 8,
      kinds: [],
      broken: 'publish-first',
      faults: [crash]
    }
    const failing = await simulate(init)
    expect(failing.violations).toMatchObject([{ rule: 'signing' }])
    expect((await simulate({ ...init, broken: undefined })).violations).toEqual([])
  })

  it('behavior: a renewal that replaces the start lets nodes disagree, and the run says so', async () => {
    const liar = fault('hoarding', { fromMs: 2_500, toMs: 45_000, nodes: [9], amount: 0.2, flag: true })
    const kinds = ['hoarding'] as const
    const init: RunInit = { seed: 38, workers: 7, jobs: 20, kinds, broken: 'renewal-start', faults: [liar] }
    const failing = await simulate(init)
    expect(failing.violations.map(({ rule }) => rule)).toContain('I1')
    expect((await simulate({ ...init, broken: undefined })).violations).toEqual([])
  })

  it('behavior: a failing run is shrunk to the faults that it takes', async () => {
    const liar = fault('backdating', { fromMs: 2_500, toMs: 45_000, nodes: [7], amount: 0.1, flag: true })
    const faults = [fault('rpc-lag', { fromMs: 5_000, toMs: 9_000, nodes: [1], amount: 2 }), liar]
    const init: RunInit = { seed: 1, workers: 5, jobs: 12, kinds: [], broken: 'no-epsilon', faults }
    const failing = await simulate(init)
    expect(failing.violations).not.toEqual([])
    const { report } = await shrink(init, failing)
    expect(report.faults).toEqual([liar])
    expect(report.trace.length).toBeGreaterThan(0)
  })
})
