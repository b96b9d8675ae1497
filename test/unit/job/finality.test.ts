import { describe, expect, it } from 'vitest'
import { JobStatus } from '../../../src/interface/index.js'
import { finality } from '../../../src/job/finality.js'
import { runningJobs } from '../../../src/job/running-jobs.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { silentLogger } from '../../helpers/silent-logger.js'

describe('news of final jobs', () => {
  it('behavior: false news does not hold up what came after it', async () => {
    const clock = manualClock()
    const final: string[] = []
    const checks = finality({ onFinal: job => final.push(job) })({
      chain: {
        jobStatuses: async ids => ids.map(id => (id > 10_000n ? JobStatus.Succeeded : JobStatus.Open))
      },
      clock,
      logger: silentLogger()
    })
    checks.check(Array.from({ length: 5_000 }, (_, n) => ({ job: `false ${n}`, jobId: BigInt(n + 1) })))
    checks.check([{ job: 'true', jobId: 10_001n }])
    await clock.advance(50)
    expect(final).toEqual(['true'])
    checks.stop()
  })

  it('behavior: news that comes while the chain is asked is looked at next', async () => {
    const clock = manualClock()
    const final: string[] = []
    const first = Promise.withResolvers<void>()
    const checks = finality({ onFinal: job => final.push(job) })({
      chain: {
        async jobStatuses(ids) {
          await first.promise
          return ids.map(() => JobStatus.Succeeded)
        }
      },
      clock,
      logger: silentLogger()
    })
    checks.check([{ job: 'first', jobId: 1n }])
    checks.check([{ job: 'second', jobId: 2n }])
    first.resolve()
    await clock.advance(1)
    expect(final).toEqual(['first', 'second'])
    checks.stop()
  })
})

describe('bounds', () => {
  it('behavior: while the chain does not answer, 20,000 pieces of news wait and no more', async () => {
    const clock = manualClock()
    const asked = new Set<bigint>()
    let isDown = true
    const checks = finality({ onFinal: () => undefined })({
      chain: {
        async jobStatuses(ids) {
          if (isDown) throw new Error('the endpoint is away')
          for (const id of ids) asked.add(id)
          return ids.map(() => JobStatus.Succeeded)
        }
      },
      clock,
      logger: silentLogger()
    })
    checks.check(Array.from({ length: 30_000 }, (_, n) => ({ job: `job ${n}`, jobId: BigInt(n) })))
    await clock.advance(500)
    isDown = false
    await clock.advance(2_000)
    expect(asked.size).toBe(20_000)
    checks.stop()
  })
})

describe('running jobs', () => {
  it('behavior: a job that was lost and won back starts when its earlier work has ended', async () => {
    const clock = manualClock()
    let ended = 0
    const running = runningJobs({ onEnded: () => ended++ })({ clock })
    const first = Promise.withResolvers<void>()
    const signals: AbortSignal[] = []
    running.start('job', signal => {
      signals.push(signal)
      return first.promise
    })
    await clock.settle()
    running.abort('job')
    const second = Promise.withResolvers<void>()
    running.start('job', signal => {
      signals.push(signal)
      return second.promise
    })
    await clock.settle()
    expect(signals).toHaveLength(1)
    expect(running.size).toBe(2)
    first.resolve()
    await clock.settle()
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false])
    running.abort('job')
    expect(signals[1]?.aborted).toBe(true)
    second.resolve()
    await clock.settle()
    expect([running.size, ended]).toEqual([0, 2])
  })
})
