import type { Clock } from '../interface/clock.js'
import { ChainUnavailableError } from '../interface/errors.js'
import type { Logger } from '../interface/logger.js'
import type { RpcAnswer, RpcCall, RpcFailure } from './rpc-call.js'
import { post, TransientError } from './rpc-http.js'
import { semaphore, sleep, underSignals } from './wait.js'

/** JSON-RPC over HTTP: batched, bounded, retried. */
export interface Rpc {
  /**
   * One answer for each call, in order.
   * `maxAttempts`: in place of the usual number.
   * Throws ChainUnavailableError if the endpoint cannot be reached or talks nonsense, after retries; the reason of `signal` if it is aborted.
   */
  send(calls: RpcCall[], signal?: AbortSignal, options?: { maxAttempts?: number }): Promise<RpcAnswer[]>
  /** Ends what is under way with ChainUnavailableError. Safe to repeat. */
  close(): void
}

/** How an endpoint does. */
export interface RpcHealth {
  /** When it last answered, in ms since the epoch; undefined before. */
  answeredMs: number | undefined
  /** Whether it failed several times in a row, and has not answered since. */
  isDown: boolean
}

/** A connection that tells how its endpoint does. */
export interface EndpointRpc extends Rpc {
  health(): RpcHealth
}

export interface RpcInit {
  /** `http://` or `https://`; may hold `user:password@`. */
  url: string
  /** Of one HTTP request. */
  timeoutMs?: number
  maxAttempts?: number
  /** Calls in one HTTP request. */
  maxBatch?: number
  /** HTTP requests at one time; the others wait. */
  maxConcurrent?: number
}

export interface RpcComponents {
  log: Logger
  clock: Clock
  /** From 0 to below 1, for jitter. */
  random(): number
}

/** ethers' own default for batches, and what Infura, Alchemy and geth (1,000) all take. */
const MAX_BATCH = 100
/** A batch's request body: ethers' default. geth takes 5 MB. */
const MAX_BATCH_BYTES = 1 << 20
/** Public endpoints commonly limit a client to a handful of connections. */
const MAX_CONCURRENT = 4
/** Longer than any batch takes on a healthy node. */
const TIMEOUT_MS = 15_000
/** With the back-off below: about 2 s of trouble are ridden out before the caller hears of it. */
const MAX_ATTEMPTS = 4
const FIRST_BACKOFF_MS = 200
/** Two failures in a row are an outage; one is a hiccup that nobody needs to read about. */
const FAILURES_OF_OUTAGE = 2

/** Codes that endpoints use inside an HTTP 200 for "too many requests" (EIP-1474 and what providers made of it). */
const RATE_LIMIT_CODES = new Set([-32005, -32029, -32097, 429])
/** What a contract reverts with stands in the message, too, and may say anything. Code 3: geth's for a revert. */
const isRevert = ({ code, message }: RpcFailure) => code === 3 || /revert|vm execution/i.test(message)
const isRateLimit = (failure: RpcFailure) =>
  RATE_LIMIT_CODES.has(failure.code) ||
  (/too many requests|rate limit/i.test(failure.message) && !isRevert(failure))

/** An endpoint as it may be shown: without path and password, which often hold a secret. */
const shown = (url: URL) => url.origin

export function rpc(init: RpcInit): (components: RpcComponents) => EndpointRpc {
  const url = new URL(init.url)
  const timeoutMs = init.timeoutMs ?? TIMEOUT_MS
  const maxBatch = init.maxBatch ?? MAX_BATCH

  return ({ log, clock, random }) => {
    const closing = new AbortController()
    const slots = semaphore(init.maxConcurrent ?? MAX_CONCURRENT)
    let failuresInRow = 0
    let answeredMs: number | undefined

    function noteFailure(err: Error): void {
      failuresInRow++
      if (failuresInRow === FAILURES_OF_OUTAGE && !closing.signal.aborted) {
        log.warn({ err, endpoint: shown(url) }, 'The RPC endpoint is down; trying again with back-off')
      }
    }

    function noteSuccess(): void {
      if (failuresInRow >= FAILURES_OF_OUTAGE) log.info({ endpoint: shown(url) }, 'The RPC endpoint is back')
      failuresInRow = 0
      answeredMs = clock.now()
    }

    /** Answers for all calls of one HTTP request; those over a rate limit are asked again with the next attempt. */
    async function request(calls: RpcCall[], signal: AbortSignal, maxAttempts: number): Promise<RpcAnswer[]> {
      const answers: (RpcAnswer | undefined)[] = calls.map(() => undefined)
      let open = calls.map((call, index) => ({ call, index }))
      for (let attempt = 1; ; attempt++) {
        try {
          const got = await post(
            url,
            open.map(({ call }) => call),
            { timeoutMs, signal }
          )
          noteSuccess()
          open.forEach(({ index }, i) => {
            answers[index] = got[i]
          })
          open = open.filter(({ index }) => {
            const answer = answers[index]
            return answer !== undefined && 'failure' in answer && isRateLimit(answer.failure)
          })
          if (open.length === 0) return answers.filter(answer => answer !== undefined)
          if (attempt >= maxAttempts) throw unavailable(new Error('it answers "too many requests"'))
        } catch (err) {
          if (closing.signal.aborted) throw closed()
          signal.throwIfAborted()
          if (err instanceof ChainUnavailableError) throw err
          noteFailure(err as Error)
          if (!(err instanceof TransientError) || attempt >= maxAttempts) throw unavailable(err as Error)
        }
        // Exponential, and anywhere in the upper half of it, so that a network's nodes do not return all at once.
        const backoffMs = FIRST_BACKOFF_MS * 2 ** (attempt - 1)
        await sleep(clock, backoffMs * (0.5 + random() / 2), signal)
      }
    }

    const closed = () => unavailable(new Error('the connection was closed by this node'))

    function unavailable(cause: Error): ChainUnavailableError {
      return new ChainUnavailableError(
        `The RPC endpoint ${shown(url)} cannot be used (${cause.message}): check that it is up, or choose another with --rpc-url`,
        { cause }
      )
    }

    function chunks(calls: RpcCall[]): RpcCall[][] {
      const all: RpcCall[][] = []
      let chunk: RpcCall[] = []
      let sizeBytes = 0
      for (const call of calls) {
        const callBytes = 100 + JSON.stringify(call.params).length
        if (chunk.length > 0 && (chunk.length >= maxBatch || sizeBytes + callBytes > MAX_BATCH_BYTES)) {
          all.push(chunk)
          chunk = []
          sizeBytes = 0
        }
        chunk.push(call)
        sizeBytes += callBytes
      }
      if (chunk.length > 0) all.push(chunk)
      return all
    }

    return {
      async send(calls, signal, { maxAttempts = init.maxAttempts ?? MAX_ATTEMPTS } = {}) {
        if (closing.signal.aborted) throw closed()
        const parts = await underSignals([closing.signal, signal], either =>
          Promise.all(chunks(calls).map(chunk => slots.run(() => request(chunk, either, maxAttempts))))
        )
        return parts.flat()
      },
      health: () => ({ answeredMs, isDown: failuresInRow >= FAILURES_OF_OUTAGE }),
      close() {
        closing.abort()
      }
    }
  }
}
