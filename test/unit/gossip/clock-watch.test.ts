import { describe, expect, it } from 'vitest'
import { clockWatch } from '../../../src/gossip/clock-watch.js'
import { maximalClaimAgeMs } from '../../../src/gossip/validation/time.js'
import type { Clock } from '../../../src/interface/index.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { silentLogger } from '../../helpers/silent-logger.js'
import { testTiming } from '../../helpers/worker-cluster.js'

const { presenceIntervalMs, skewMs, leaseMs } = testTiming
const LATE_MS = maximalClaimAgeMs(testTiming)
const keyOf = (n: number): string => n.toString(16).padStart(8, '0').repeat(8)

/** A node among workers whose clocks are right, and whose own is set by `set`. */
function make() {
  const time = manualClock()
  let errorMs = 0
  const clock: Clock = { ...time, now: () => time.now() + errorMs }
  const said: { level: string; message: string; fields: object }[] = []
  const changes: boolean[] = []
  const watch = clockWatch({ timing: testTiming, onChange: () => changes.push(watch.isRight()) })({
    clock,
    random: () => 0.3,
    logger: silentLogger(said)
  })
  /** Each says that it is there, by a clock that is off by so much, and that took so long on its way. */
  const hear = (workers: number[], { offMs = 0, wayMs = 5, isOutOfTime = false } = {}): void => {
    for (const n of workers) {
      const sentAtMs = time.now() - wayMs + offMs
      watch.heard(
        { worker: keyOf(n), sentAtMs, ...(isOutOfTime && { isOutOfTime: true as const }) },
        time.steadyMs()
      )
    }
  }
  return {
    time,
    said,
    changes,
    watch,
    hear,
    set(ms: number) {
      errorMs = ms
    },
    /** Some intervals, in each of which each worker is heard, and the clock is looked at. */
    async pass(intervals: number, workers: number[], how?: Parameters<typeof hear>[1]) {
      for (let n = 0; n < intervals; n++) {
        await time.advance(presenceIntervalMs)
        hear(workers, how)
        watch.check()
      }
    }
  }
}

describe('a clock that is compared with those of others', () => {
  it('behavior: it is right where it agrees with most, within what is allowed', async () => {
    const { watch, pass, said, set } = make()
    await pass(3, [1, 2, 3])
    set(-skewMs)
    expect(watch.check()).toBe(true)
    set(LATE_MS - 10)
    expect(watch.check()).toBe(true)
    expect(watch.isOutOfTime()).toBe(false)
    expect(said).toEqual([])
  })

  it.each([-skewMs - 10, -3_000, -86_400_000, LATE_MS + 10, 86_400_000])(
    'behavior: one that is set off by %i ms is wrong at once, by what was heard before',
    async offMs => {
      const { watch, pass, set, changes } = make()
      await pass(3, [1, 2, 3])
      set(offMs)
      expect(watch.check()).toBe(false)
      expect(changes).toEqual([false])
      expect(watch.isOutOfTime()).toBe(true)
    }
  )

  it('behavior: the operator is told once, when it has lasted for an interval, and by how much', async () => {
    const { pass, set, said } = make()
    await pass(3, [1, 2, 3])
    set(-3_000)
    await pass(1, [1, 2, 3])
    expect(said).toEqual([])
    await pass(5, [1, 2, 3])
    expect(said).toMatchObject([{ level: 'error', fields: { aheadMs: -2_995, workers: 3 } }])
    expect(said[0]?.message).toContain('run NTP')
  })

  it('behavior: a clock that is right again counts when all have been heard again in time', async () => {
    const { watch, pass, set, changes } = make()
    set(5_000)
    await pass(3, [1, 2, 3])
    expect(watch.isRight()).toBe(false)
    set(0)
    await pass(leaseMs / 2 / presenceIntervalMs - 1, [1, 2, 3])
    expect(watch.isRight()).toBe(false)
    await pass(1, [1, 2, 3])
    expect(watch.isRight()).toBe(true)
    expect(changes).toEqual([false, true])
  })

  it('behavior: a clock that nobody is left to compare it with counts', async () => {
    const { watch, pass, set } = make()
    set(5_000)
    await pass(3, [1, 2, 3])
    expect(watch.isRight()).toBe(false)
    await pass(10, [])
    expect(watch.isRight()).toBe(true)
  })

  it('behavior: it takes more than half of all, this node among them', async () => {
    const { watch, pass } = make()
    await pass(4, [1, 2], { offMs: 3_000 })
    expect(watch.isRight()).toBe(false)
    await pass(4, [3])
    expect(watch.isRight()).toBe(false)
    await pass(10, [1, 2], { offMs: 3_000 })
    const other = make()
    for (let n = 0; n < 5; n++) {
      other.hear([3, 4])
      await other.pass(1, [1, 2], { offMs: 3_000 })
    }
    expect(other.watch.isRight()).toBe(true)
  })

  it('behavior: of two nodes none can tell whose clock is wrong, but both say that they differ', async () => {
    const { watch, pass, said } = make()
    await pass(4, [1], { offMs: 3_000 })
    expect(watch.isRight()).toBe(true)
    expect(said).toMatchObject([{ level: 'warn' }])
    expect(said[0]?.message).toContain('differ')
  })

  it('behavior: where messages are late at all others, too, it is the network, and nobody stops', async () => {
    const { watch, pass } = make()
    await pass(4, [1, 2, 3], { wayMs: LATE_MS + 100, isOutOfTime: true })
    expect(watch.isRight()).toBe(true)
    expect(watch.isOutOfTime()).toBe(true)
    const alone = make()
    await alone.pass(4, [1, 2, 3], { wayMs: LATE_MS + 100 })
    expect(alone.watch.isRight()).toBe(false)
  })

  it('behavior: what lay unread while the process was stopped does not make its clock wrong', async () => {
    const { watch, pass, hear, time } = make()
    await pass(3, [1, 2, 3])
    await time.advance(10_000)
    for (let wayMs = 10_000; wayMs > 0; wayMs -= presenceIntervalMs) hear([1, 2, 3], { wayMs })
    expect(watch.check()).toBe(true)
    const late = make()
    await late.pass(3, [1, 2, 3])
    await late.time.advance(2_500)
    late.hear([1, 2, 3], { wayMs: LATE_MS + 500 })
    expect(late.watch.check()).toBe(true)
  })

  it('behavior: an old presence that is said again does not count, and keeps nobody who is gone', async () => {
    const { watch, pass, time, set } = make()
    await pass(3, [1, 2, 3])
    const sentAtMs = time.now() - 5
    const sayAgain = async (times: number): Promise<void> => {
      for (let n = 0; n < times; n++) {
        await time.advance(presenceIntervalMs)
        for (const key of [1, 2, 3]) watch.heard({ worker: keyOf(key), sentAtMs }, time.steadyMs())
        watch.check()
      }
    }
    set(5_000)
    await sayAgain(2)
    expect(watch.isRight()).toBe(false)
    set(0)
    // Kept for half a minute, it makes no clock wrong.
    await time.advance(30_000)
    await sayAgain(20)
    expect(watch.isRight()).toBe(true)
  })

  it('behavior: of many workers some are compared by lot, so that who comes first has no advantage', async () => {
    const { watch, pass, hear } = make()
    // Keys as they come: spread over all values.
    const spread = (n: number): number => Math.imul(n, 2_654_435_761) >>> 0
    const liars = Array.from({ length: 100 }, (_, n) => spread(n + 1))
    const honest = Array.from({ length: 400 }, (_, n) => spread(n + 101))
    await pass(1, liars, { offMs: 3_000 })
    expect(watch.isRight()).toBe(false)
    for (let n = 0; n < 10; n++) {
      hear(liars, { offMs: 3_000 })
      await pass(1, honest)
    }
    expect(watch.isRight()).toBe(true)
  })
})
