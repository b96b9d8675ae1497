import type { Clock } from './clock.js'

/** The promise's value, or a rejection with the signal's reason as soon as it aborts. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort)
  if (signal.aborted) onAbort()
  try {
    // In the race even if it is lost already: else nobody would take the promise's own rejection, and the process would end of it.
    return await Promise.race([aborted.promise, promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** Resolves after `delayMs`; rejects with the signal's reason as soon as it aborts. */
export async function delay(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  const passed = Promise.withResolvers<void>()
  const timer = clock.schedule(delayMs, passed.resolve)
  try {
    await abortable(passed.promise, signal)
  } finally {
    timer.cancel()
  }
}
