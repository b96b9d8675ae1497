import type { Clock } from '../interface/clock.js'
import type { Rpc } from './rpc.js'

/**
 * What waits longer counts as not answered: above what an endpoint takes, and about as long as the client tries again before it says
 * so (rpc.ts).
 */
const SLOW_MS = 2_000

/** Requests, and whether answers come. */
export interface Answering extends Pick<Rpc, 'send'> {
  /** False from the time that a request fails, or waits for 2 s, until one is answered. Nothing is asked for this. */
  isAnswering(): boolean
}

/** What a node cannot ask it must hold against nobody: this goes by what is asked anyway. */
export function answering({ rpc, clock }: { rpc: Rpc; clock: Clock }): Answering {
  /** When each request that waits was made, in that order. */
  const waiting = new Map<object, number>()
  let hasFailed = false

  return {
    async send(calls, signal, options) {
      const request = {}
      waiting.set(request, clock.steadyMs())
      try {
        const answers = await rpc.send(calls, signal, options)
        hasFailed = false
        return answers
      } catch (err) {
        hasFailed = true
        throw err
      } finally {
        waiting.delete(request)
      }
    },
    isAnswering() {
      const [oldestMs] = waiting.values()
      return !hasFailed && (oldestMs === undefined || oldestMs > clock.steadyMs() - SLOW_MS)
    }
  }
}
