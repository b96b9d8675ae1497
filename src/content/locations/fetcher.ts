import { delay } from '../../interface/abort.js'
import type { Clock, Logger } from '../../interface/index.js'
import { type FetchInit, fetchLocation, TransientError } from '../https.js'

export interface FetcherInit extends FetchInit {
  /** For each try. */
  timeoutMs: number
  /** Before the second and each further try. */
  retryDelaysMs: number[]
}

/** Fetches what lies at an `https:` location, with retries. Throws JobFailedError, or TransientError after the last try. */
export type Fetcher = (location: string, signal: AbortSignal) => Promise<Uint8Array>

export function fetcher(
  { timeoutMs, retryDelaysMs, ...init }: FetcherInit,
  { clock, logger }: { clock: Clock; logger: Logger }
): Fetcher {
  /** One try. */
  async function fetchInTime(location: string, signal: AbortSignal): Promise<Uint8Array> {
    const late = new AbortController()
    const timer = clock.schedule(timeoutMs, () =>
      late.abort(new TransientError(`no answer within ${timeoutMs} ms`))
    )
    try {
      return await fetchLocation(location, init, AbortSignal.any([signal, late.signal]))
    } finally {
      timer.cancel()
    }
  }

  return (location, signal) =>
    retrying(
      signal2 => fetchInTime(location, signal2),
      { retryDelaysMs, location },
      { clock, logger },
      signal
    )
}

/** Tries again what may pass; throws the TransientError of the last try. */
export async function retrying<T>(
  attempt: (signal: AbortSignal) => Promise<T>,
  { retryDelaysMs, location }: { retryDelaysMs: number[]; location: string },
  { clock, logger }: { clock: Clock; logger: Logger },
  signal: AbortSignal
): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await attempt(signal)
    } catch (err) {
      const delayMs = retryDelaysMs[tries]
      if (!(err instanceof TransientError) || delayMs === undefined) throw err
      logger.debug(
        { err, location: location.slice(0, 200), delayMs },
        'a location does not answer now: trying again'
      )
      await delay(clock, delayMs, signal)
    }
  }
}
