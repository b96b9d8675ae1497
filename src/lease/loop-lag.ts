import type { Clock, Timer } from '../interface/clock.js'

/** Looks in one period of the memory: the shortest stall that is sure to be seen is this share of it. */
const LOOKS = 8

/** How late this process comes to its work. While it is late, messages that have arrived lie unread. */
export interface LoopLag {
  start(): void
  stop(): void
  /** The longest delay of a timer within the last period, in milliseconds. */
  lagMs(): number
}

/**
 * Remembers how late timers were over the last `periodMs`. By the machine's clock: while the machine sleeps, the steady one stands still.
 * One that is set ahead looks like a stall, and makes claims wait for as long.
 */
export function loopLag({ periodMs }: { periodMs: number }): (components: { clock: Clock }) => LoopLag {
  const stepMs = periodMs / LOOKS
  return ({ clock }) => {
    const lags: number[] = []
    let dueMs = 0
    let timer: Timer | undefined

    function tick(): void {
      dueMs = clock.now() + stepMs
      timer = clock.schedule(stepMs, () => {
        lags.push(clock.now() - dueMs)
        if (lags.length > LOOKS) lags.shift()
        tick()
      })
    }

    return {
      start() {
        if (timer === undefined) tick()
      },
      stop() {
        timer?.cancel()
        timer = undefined
      },
      lagMs: () => (timer === undefined ? 0 : Math.max(0, clock.now() - dueMs, ...lags))
    }
  }
}
