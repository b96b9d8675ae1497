import type { Clock } from '../interface/index.js'
import { GossipError } from '../interface/index.js'
import { type Rate, tokenBucket } from './rate-limit.js'

export interface PublisherInit {
  /** Items of one batch. */
  batchItems: number
  /** Items that may wait. */
  queueItems: number
  /** May change with time. */
  messages: Rate | (() => Rate)
  items: Rate
  /** How long a batch gathers items before it leaves. Default: not at all. */
  gatherMs?(): number
}

export interface PublisherComponents<T> {
  clock: Clock
  /** Signs and sends one batch. */
  send(batch: T[]): Promise<void>
}

/** Sends items in batches: group commit. */
export interface Publisher<T> {
  /** Resolves when the last of the items was sent; rejects with the error of a batch that held one of them. */
  publish(items: T[]): Promise<void>
  /** Sends at once what waits, and refuses more. */
  stop(): Promise<void>
}

/** A call of `publish` that waits; `start` and `end` count items since the beginning. */
interface Call {
  start: number
  end: number
  resolve(): void
  reject(err: unknown): void
}

/**
 * When idle, a batch leaves in the next microtask, with all that was published until then.
 * While a batch is on its way, or the rate is used up, items gather for the next one.
 */
export function publisher<T>(init: PublisherInit): (components: PublisherComponents<T>) => Publisher<T> {
  return ({ clock, send }) => {
    const messages = tokenBucket(init.messages)({ clock })
    const items = tokenBucket(init.items)({ clock })
    const queue: T[] = []
    let calls: Call[] = []
    let queued = 0
    let sent = 0
    let running: Promise<void> | undefined
    let stopped = false
    let wake: (() => void) | undefined

    /** Waits until items have gathered, and the rate allows the next batch. A node that stops does not wait. */
    async function pace(): Promise<void> {
      const gatheredMs = clock.steadyMs() + (init.gatherMs?.() ?? 0)
      for (;;) {
        const cost = Math.min(queue.length, init.batchItems)
        const isFull = queue.length >= init.batchItems
        const gatheringMs = isFull ? 0 : gatheredMs - clock.steadyMs()
        const waitMs = Math.max(gatheringMs, messages.waitMs(1), items.waitMs(cost))
        if (waitMs <= 0 || stopped) {
          messages.take(1)
          items.take(cost)
          return
        }
        await new Promise<void>(resolve => {
          const timer = clock.schedule(waitMs, resolve)
          wake = () => {
            timer.cancel()
            resolve()
          }
        })
        wake = undefined
      }
    }

    /** Tells the calls that a batch ended: those that it completed, and on an error all that had an item in it. */
    function settle(from: number, to: number, failure: { err: unknown } | undefined): void {
      const waiting: Call[] = []
      for (const call of calls) {
        if (failure !== undefined && call.start < to && call.end > from) call.reject(failure.err)
        else if (call.end <= to) call.resolve()
        else waiting.push(call)
      }
      calls = waiting
    }

    async function run(): Promise<void> {
      while (queue.length > 0) {
        // At least one microtask, so that calls of the same tick share a batch.
        await pace()
        const batch = queue.splice(0, init.batchItems)
        const from = sent
        sent += batch.length
        try {
          await send(batch)
          settle(from, sent, undefined)
        } catch (err) {
          settle(from, sent, { err })
        }
      }
      running = undefined
    }

    return {
      async publish(added) {
        if (added.length === 0) return
        if (stopped) throw new GossipError('The node is stopped: nothing more can be published')
        if (queue.length + added.length > init.queueItems) {
          throw new GossipError(
            `${queue.length} items wait to be published already: publish less, or await each call`
          )
        }
        for (const item of added) queue.push(item)
        const start = queued
        queued += added.length
        const { promise, resolve, reject } = Promise.withResolvers<void>()
        calls.push({ start, end: queued, resolve, reject })
        running ??= run()
        return promise
      },

      async stop() {
        stopped = true
        wake?.()
        await running
      }
    }
  }
}
