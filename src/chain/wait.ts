import type { Clock } from '../interface/clock.js'

/** Resolves after `delayMs`; rejects with the signal's reason if it is aborted before. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error)
      return
    }
    const aborted = () => {
      timer.cancel()
      reject(signal?.reason as Error)
    }
    const timer = clock.schedule(delayMs, () => {
      signal?.removeEventListener('abort', aborted)
      resolve()
    })
    signal?.addEventListener('abort', aborted, { once: true })
  })
}

/** Lets at most `limit` tasks run at one time; the others wait in order. */
export function semaphore(limit: number): { run<T>(task: () => Promise<T>): Promise<T> } {
  let free = limit
  const waiting: (() => void)[] = []
  return {
    async run(task) {
      if (free > 0) free--
      else await new Promise<void>(resolve => waiting.push(resolve))
      try {
        return await task()
      } finally {
        const next = waiting.shift()
        if (next === undefined) free++
        else next()
      }
    }
  }
}
