import type { Clock } from '../interface/clock.js'

/** Lets one loop sleep until a time or a call, whichever comes first. */
export interface Alarm {
  /** Ends the wait that is under way, or else the next one. */
  ring(): void
  /** Resolves after `delayMs`, or at a ring. Undefined: only at a ring. */
  wait(delayMs: number | undefined): Promise<void>
}

export function alarm(clock: Clock): Alarm {
  let rung = false
  let end: (() => void) | undefined
  return {
    ring() {
      rung = true
      end?.()
    },
    async wait(delayMs) {
      if (!rung) {
        await new Promise<void>(resolve => {
          const timer = delayMs === undefined ? undefined : clock.schedule(delayMs, resolve)
          end = () => {
            timer?.cancel()
            resolve()
          }
        })
      }
      end = undefined
      rung = false
    }
  }
}
