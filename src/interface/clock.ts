/** Time and timers, injected so that tests and the simulator decide what time it is. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number
  /** Calls `callback` once after `delayMs` (0 or more). Never throws. */
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
    const handle = setTimeout(callback, Math.max(0, delayMs))
    return { cancel: () => clearTimeout(handle) }
  }
}
