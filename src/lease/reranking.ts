import type { Clock, Timer } from '../interface/clock.js'
import type { Candidate } from '../interface/lease.js'

/** How many ranks are re-computed between two turns of the event loop when the roster changes: about 10 ms of hashing. */
const CHUNK = 1_000

export interface RerankingInit {
  /** The workers change all the time where one of them changes its models all the time: it must not keep this node busy. */
  leastIntervalMs: number
  /** The jobs that wait. */
  candidates(): Iterable<Candidate>
  /** Queues a job anew. */
  rank(candidate: Candidate): void
  /** All have been ranked. */
  onRanked(): void
}

/** Ranks all waiting jobs anew when the workers change: some at a time, and at most once in an interval. */
export interface Reranking {
  /** The workers have changed. */
  all(): void
  stop(): void
}

export function reranking(init: RerankingInit): (components: { clock: Clock }) => Reranking {
  return ({ clock }) => {
    let timer: Timer | undefined
    let rankedMs = Number.NEGATIVE_INFINITY
    let isRanked = true

    function all(): void {
      isRanked = false
      const delayMs = Math.max(0, rankedMs + init.leastIntervalMs - clock.steadyMs())
      timer ??= clock.schedule(delayMs, () => next([...init.candidates()], 0))
    }

    function next(waiting: Candidate[], from: number): void {
      timer = undefined
      if (from === 0) isRanked = true
      rankedMs = clock.steadyMs()
      for (const candidate of waiting.slice(from, from + CHUNK)) init.rank(candidate)
      if (from + CHUNK < waiting.length) {
        timer = clock.schedule(0, () => next(waiting, from + CHUNK))
        return
      }
      init.onRanked()
      // The workers changed again while the first jobs had been ranked already.
      if (!isRanked) all()
    }

    return { all, stop: () => timer?.cancel() }
  }
}
