import { describe, expect, it } from 'vitest'
import { duplicatesOf, executionsOf } from '../../../node/testnet/chaos/executions.js'
import type { Told } from '../../../node/testnet/chaos/ground.js'
import type { Caused } from '../../../node/testnet/chaos/inflict.js'
import { percentile } from '../../../node/testnet/chaos/percentile.js'
import { type Fault, labelOf, planFaults, scheduleHash } from '../../../node/testnet/chaos/schedule.js'

const init = {
  seed: 7,
  durationMs: 180_000,
  calmMs: 10_000,
  leaseMs: 5_000,
  sequencers: ['sequencer-1', 'sequencer-2'],
  workers: ['worker-1', 'worker-2', 'worker-3']
}

describe('the schedule of faults', () => {
  it('behavior: equal seeds give equal schedules, other seeds others', () => {
    expect(planFaults(init)).toEqual(planFaults(init))
    expect(scheduleHash(planFaults(init))).not.toBe(scheduleHash(planFaults({ ...init, seed: 8 })))
  })

  it('behavior: three minutes hold each kind of fault, none of them in the calm at the start', () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const faults = planFaults({ ...init, seed })
      const labels = new Set(faults.map(labelOf))
      for (const label of [
        ...['kill:worker', 'kill:sequencer', 'pause:worker', 'cut'],
        ...[1, 2, 3, 4, 5].map(depth => `reorg:depth-${depth}`),
        ...['error', 'rate-limit', 'delay', 'hang', 'cut', 'flaky'].map(how => `rpc:${how}`),
        ...['lag', 'back', 'indexing-errors', 'error', 'hang'].map(how => `subgraph:${how}`),
        ...['hostile:stranger', 'hostile:registered']
      ]) {
        expect([seed, ...labels]).toContain(label)
      }
      expect(Math.min(...faults.map(({ atMs }) => atMs))).toBeGreaterThanOrEqual(init.calmMs)
      expect(Math.max(...faults.map(({ atMs }) => atMs))).toBeLessThan(init.durationMs)
    }
  })

  it('behavior: a worker is paused for longer than a lease, and of each role one is always left', () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const faults = planFaults({ ...init, seed })
      for (const fault of faults) {
        if (fault.kind === 'pause' && fault.node.startsWith('worker'))
          expect(fault.durationMs).toBeGreaterThan(init.leaseMs)
        const isAway = (other: Fault, node: string): boolean =>
          (other.kind === 'kill' || other.kind === 'pause' || other.kind === 'isolate') &&
          other.node === node &&
          other.atMs <= fault.atMs &&
          fault.atMs < other.atMs + other.durationMs
        for (const group of [init.sequencers, init.workers]) {
          expect(group.some(node => !faults.some(other => isAway(other, node)))).toBe(true)
        }
      }
    }
  })
})

describe('what a trial counts', () => {
  const told = (node: string, type: 'execution:started' | 'execution:aborted', atMs: number): Told =>
    ({ node, event: { type, job: 'a', jobId: 1n, atMs, manifest: '' } }) as Told
  const kill = (node: string, atMs: number): Caused => ({
    fault: { kind: 'kill', node, atMs: 0, durationMs: 100 },
    fromMs: atMs,
    toMs: atMs + 100
  })

  it('behavior: an execution ends with the kill of its node, and the kill explains the next one', () => {
    const caused = [kill('worker-1', 1_500)]
    const runs = executionsOf(
      [told('worker-1', 'execution:started', 1_000), told('worker-2', 'execution:started', 6_000)],
      caused
    )
    expect(runs.map(({ end, endMs }) => [end, endMs])).toEqual([
      ['killed', 1_500],
      ['unknown', Number.POSITIVE_INFINITY]
    ])
    expect(duplicatesOf(runs, caused, 5_000)).toMatchObject([
      { jobId: 1n, isParallel: false, because: 'kill:worker' }
    ])
  })

  it('behavior: a second execution that no fault of its nodes came before is unexplained', () => {
    const caused = [kill('worker-3', 1_500)]
    const runs = executionsOf(
      [told('worker-1', 'execution:started', 1_000), told('worker-2', 'execution:started', 1_100)],
      caused
    )
    expect(duplicatesOf(runs, caused, 5_000)).toMatchObject([{ isParallel: true, because: undefined }])
  })

  it('behavior: a percentile is one of the values', () => {
    const values = Array.from({ length: 30 }, (_, index) => index + 1)
    expect([50, 99, 100].map(percent => percentile(values, percent))).toEqual([15, 30, 30])
    expect(percentile([], 99)).toBe(0)
  })
})
