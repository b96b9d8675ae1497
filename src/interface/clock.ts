/** Time and timers, injected so that tests and the simulator decide what time it is. */
export interface Clock {
  /** Milliseconds since the Unix epoch, by the machine's clock: that may be set, and then goes back, or ahead by much. */
  now(): number
  /**
   * Milliseconds since some moment before, which go on evenly whatever the clock is set to. For all waits of this process: one until
   * a time of `now` would last an hour longer when the clock is set back by one.
   */
  steadyMs(): number
  /** Calls `callback` once after `delayMs` (0 or more), never earlier. Never throws. */
  schedule(delayMs: number, callback: () => void): Timer
}

export interface Timer {
  /** Safe to call after the timer has fired. */
  cancel(): void
}

/** Node rings timers that are longer than this, 25 days, at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  steadyMs: () => Math.floor(performance.now()),
  schedule(delayMs, callback) {
    const dueMs = performance.now() + delayMs
    // A timer of Node counts whole milliseconds and so rings up to one too early: who waits for a time would find it not come.
    const ring = (): void => {
      const leftMs = dueMs - performance.now()
      if (leftMs > 0) handle = setTimeout(ring, Math.min(leftMs, LONGEST_TIMER_MS))
      else callback()
    }
    let handle = setTimeout(ring, Math.min(Math.max(0, delayMs), LONGEST_TIMER_MS))
    return { cancel: () => clearTimeout(handle) }
  }
}
