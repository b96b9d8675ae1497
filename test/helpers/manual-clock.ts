import type { Clock } from '../../src/interface/clock.js'

/** A clock that stands still until it is advanced. Timers fire in order, and what they set off is let finish in between. */
export interface ManualClock extends Clock {
  advance(ms: number): Promise<void>
  /** Sets the time of `now` forward, or back. Timers do not care. */
  step(ms: number): void
  /** Lets all that waits for no timer finish. */
  settle(): Promise<void>
}

/** Turns of the event loop after which everything that needs no timer has run: chains of promises, in-memory stores. */
const SETTLE_TURNS = 5

export function manualClock(startMs = 1_700_000_000_000): ManualClock {
  let nowMs = startMs
  let steppedMs = 0
  let order = 0
  const timers = new Map<number, { atMs: number; callback: () => void }>()

  async function settle(): Promise<void> {
    for (let turn = 0; turn < SETTLE_TURNS; turn++) await new Promise(resolve => setImmediate(resolve))
  }

  return {
    now: () => nowMs + steppedMs,
    steadyMs: () => nowMs - startMs,
    step(ms) {
      steppedMs += ms
    },
    schedule(delayMs, callback) {
      const id = order++
      timers.set(id, { atMs: Math.ceil(nowMs + Math.max(0, delayMs)), callback })
      return { cancel: () => timers.delete(id) }
    },
    settle,
    async advance(ms) {
      const untilMs = nowMs + ms
      await settle()
      for (;;) {
        const next = [...timers]
          .filter(([, timer]) => timer.atMs <= untilMs)
          .sort(([idA, a], [idB, b]) => a.atMs - b.atMs || idA - idB)[0]
        if (next === undefined) break
        const [id, { atMs, callback }] = next
        timers.delete(id)
        nowMs = Math.max(nowMs, atMs)
        callback()
        await settle()
      }
      nowMs = untilMs
    }
  }
}
