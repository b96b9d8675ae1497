/** Time and timers, injected so that tests and the simulator decide what time it is. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number
  /** Calls `callback` once after `delayMs` (0 or more), never earlier. Never throws. */
  schedule(delayMs: number, callback: () => void): Timer
}

export interface Timer {
  /** Safe to call after the timer has fired. */
  cancel(): void
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  schedule(delayMs, callback) {
    const dueMs = performance.now() + delayMs
    // A timer of Node counts whole milliseconds and so rings up to one too early: who waits for a time would find it not come.
    const ring = (): void => {
      const leftMs = dueMs - performance.now()
      if (leftMs > 0) handle = setTimeout(ring, leftMs)
      else callback()
    }
    let handle = setTimeout(ring, Math.max(0, delayMs))
    return { cancel: () => clearTimeout(handle) }
  }
}
