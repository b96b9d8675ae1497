import { expect, it, onTestFinished, vi } from 'vitest'
import { systemClock } from '../../../src/interface/clock.js'

it('behavior: no timer rings before its time, as the same clock tells it', async () => {
  const early = await Promise.all(
    Array.from({ length: 300 }, async (_, index) => {
      // Apart, so that they begin at all parts of a millisecond.
      await new Promise<void>(resolve => systemClock.schedule(index / 7, resolve))
      const untilMs = systemClock.now() + 20
      await new Promise<void>(resolve => systemClock.schedule(untilMs - systemClock.now(), resolve))
      return Math.max(0, untilMs - systemClock.now())
    })
  )
  expect(Math.max(...early)).toBe(0)
})

it('behavior: a timer that came too early and waits for the rest can still be cancelled', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const elapsed = vi.spyOn(performance, 'now').mockReturnValue(0)
  onTestFinished(() => {
    vi.useRealTimers()
    elapsed.mockRestore()
  })
  const rung: string[] = []
  const cancelled = systemClock.schedule(10, () => rung.push('cancelled'))
  systemClock.schedule(10, () => rung.push('kept'))
  elapsed.mockReturnValue(9.5)
  vi.advanceTimersByTime(10)
  expect(rung).toEqual([])
  cancelled.cancel()
  elapsed.mockReturnValue(10)
  vi.advanceTimersByTime(1)
  expect(rung).toEqual(['kept'])
})

it('behavior: a wait of months is no timer that Node rings at once', () => {
  const set = vi.spyOn(globalThis, 'setTimeout')
  onTestFinished(() => set.mockRestore())
  systemClock.schedule(2 ** 40, () => undefined).cancel()
  expect(set.mock.calls.map(([, delayMs]) => delayMs)).toEqual([2 ** 31 - 1])
})

it('behavior: steady time goes on evenly though the clock is set', () => {
  const beforeMs = systemClock.steadyMs()
  const now = vi.spyOn(Date, 'now').mockReturnValue(0)
  onTestFinished(() => now.mockRestore())
  expect(systemClock.now()).toBe(0)
  const leftMs = systemClock.steadyMs() - beforeMs
  expect(leftMs).toBeGreaterThanOrEqual(0)
  expect(leftMs).toBeLessThan(60_000)
})
