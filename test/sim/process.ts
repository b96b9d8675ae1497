import type { Clock, Timer } from '../../src/interface/index.js'
import type { EventLoop } from './event-loop.js'

/** The simulation begins at this time since the epoch, plus what the seed adds: slots must not begin with it. */
export const EPOCH_MS = 1_700_000_000_000

/** How a node's clock differs from simulated time. */
export interface ClockError {
  offsetMs: number
  /** Milliseconds that it gains each millisecond: 0.0001 is 100 ppm. */
  drift: number
}

/**
 * One run of a node's process. All that reaches it from outside (timers, disk, network, chain) goes through `later`, so
 * that nothing of it goes on once it is killed, and everything waits while it is paused.
 */
export interface Process {
  clock: Clock
  isAlive(): boolean
  isPaused(): boolean
  /** Calls back after this much simulated time, unless the process has ended by then. */
  later(delayMs: number, run: () => void): Timer
  /** As `later`, as a promise. It never settles if the process ends. */
  wait(delayMs: number): Promise<void>
  kill(): void
  /** As SIGSTOP and, at `untilMs` of simulated time, SIGCONT. */
  pause(untilMs: number): void
  /** Sets the clock forward or back. */
  stepClock(byMs: number): void
}

/** @param lateMs how much later than asked for a timer rings, drawn for each */
export function simulatedProcess(
  loop: EventLoop,
  epochMs: number,
  error: ClockError,
  lateMs: () => number = () => 0
): Process {
  let isAlive = true
  let pausedUntilMs = 0
  let offsetMs = error.offsetMs
  const rate = 1 + error.drift

  function later(delayMs: number, run: () => void): Timer {
    let timer: Timer
    const attempt = (): void => {
      if (!isAlive) return
      if (loop.nowMs() < pausedUntilMs) timer = loop.at(pausedUntilMs, attempt)
      else run()
    }
    timer = loop.at(loop.nowMs() + delayMs, attempt)
    return { cancel: () => timer.cancel() }
  }

  return {
    clock: {
      now: () => Math.floor(epochMs + offsetMs + loop.nowMs() * rate),
      steadyMs: () => Math.floor(loop.nowMs() * rate),
      // Not before the next millisecond, as setTimeout.
      schedule: (delayMs, callback) => later(Math.max(1, Math.ceil(delayMs)) / rate + lateMs(), callback)
    },
    isAlive: () => isAlive,
    isPaused: () => loop.nowMs() < pausedUntilMs,
    later,
    wait: delayMs =>
      new Promise(resolve => {
        later(delayMs, resolve)
      }),
    kill() {
      isAlive = false
    },
    pause(untilMs) {
      pausedUntilMs = Math.max(pausedUntilMs, untilMs)
    },
    stepClock(byMs) {
      offsetMs += byMs
    }
  }
}
