import { describe, expect, it } from 'vitest'
import type { Clock } from '../../../src/interface/index.js'
import { loopLag } from '../../../src/lease/loop-lag.js'

/** A clock whose timers fire only when the test says that the process comes to them. */
function stallingClock(): Clock & { run(untilMs: number): void; stall(untilMs: number): void } {
  let nowMs = 0
  let timers: { dueMs: number; callback: () => void }[] = []
  const fireDue = (): void => {
    const due = timers.filter(({ dueMs }) => dueMs <= nowMs)
    timers = timers.filter(({ dueMs }) => dueMs > nowMs)
    for (const { callback } of due) callback()
  }
  return {
    now: () => nowMs,
    // As where the machine sleeps.
    steadyMs: () => 0,
    schedule(delayMs, callback) {
      const timer = { dueMs: nowMs + delayMs, callback }
      timers.push(timer)
      return { cancel: () => (timers = timers.filter(one => one !== timer)) }
    },
    run(untilMs) {
      for (; nowMs < untilMs; nowMs++) fireDue()
      fireDue()
    },
    stall(untilMs) {
      nowMs = untilMs
    }
  }
}

describe('the lag of the event loop', () => {
  it('behavior: a process that comes to its timers in time has none', () => {
    const clock = stallingClock()
    const lag = loopLag({ periodMs: 400 })({ clock })
    lag.start()
    clock.run(2_000)
    expect(lag.lagMs()).toBe(0)
    lag.stop()
  })

  it('behavior: a stall is seen while it lasts, remembered for the period, and then forgotten', () => {
    const clock = stallingClock()
    const lag = loopLag({ periodMs: 400 })({ clock })
    lag.start()
    clock.run(1_000)
    clock.stall(1_300)
    expect(lag.lagMs()).toBeGreaterThanOrEqual(250)
    clock.run(1_500)
    expect(lag.lagMs()).toBeGreaterThanOrEqual(250)
    clock.run(1_800)
    expect(lag.lagMs()).toBe(0)
    lag.stop()
  })
})
