import type { Timer } from '../../src/interface/index.js'

interface Entry {
  atMs: number
  order: number
  run: (() => void) | undefined
}

/** Simulated time: a queue of events, in order of time and, at one time, of insertion. */
export interface EventLoop {
  /** Milliseconds since the simulation began. */
  nowMs(): number
  at(atMs: number, run: () => void): Timer
  /** Runs events until one of them stops the loop, none is left, or the time is past `untilMs`. Throws what an event throws. */
  run(untilMs: number): Promise<void>
  stop(): void
  /** When the next event is due; Infinity if there is none. */
  nextMs(): number
  /** Events run so far. */
  count(): number
}

/** Events in one phase of the real event loop. Node drains the microtasks after each of its immediates. */
const EVENTS_PER_PHASE = 64

/**
 * After each event, everything that waits for no other event has run: promises are microtasks, and Node drains those
 * between two immediates. Nothing in the world may wait for anything real, or the order would depend on it.
 */
export function eventLoop(): EventLoop {
  const heap: Entry[] = []
  let nowMs = 0
  let order = 0
  let count = 0
  let stopped = false

  const isBefore = (a: Entry, b: Entry): boolean =>
    a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)

  function push(entry: Entry): void {
    let index = heap.length
    heap.push(entry)
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = heap[parent]
      if (above === undefined || !isBefore(entry, above)) break
      heap[index] = above
      index = parent
    }
    heap[index] = entry
  }

  function pop(): Entry | undefined {
    const top = heap[0]
    const last = heap.pop()
    if (top === undefined || last === undefined || heap.length === 0) return top
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      let least = heap[child]
      if (least === undefined) break
      const right = heap[child + 1]
      if (right !== undefined && isBefore(right, least)) {
        least = right
        child++
      }
      if (!isBefore(least, last)) break
      heap[index] = least
      index = child
    }
    heap[index] = last
    return top
  }

  /** The first that was not cancelled. */
  function head(): Entry | undefined {
    let next = heap[0]
    while (next !== undefined && next.run === undefined) {
      pop()
      next = heap[0]
    }
    return next
  }

  return {
    nowMs: () => nowMs,
    nextMs: () => head()?.atMs ?? Number.POSITIVE_INFINITY,
    at(atMs, run) {
      const entry: Entry = { atMs: Math.max(atMs, nowMs), order: order++, run }
      push(entry)
      return {
        cancel: () => {
          entry.run = undefined
        }
      }
    },
    run(untilMs) {
      stopped = false
      return new Promise((resolve, reject) => {
        let ended = false
        const step = (): void => {
          if (ended) return
          const next = head()
          if (next === undefined || next.atMs > untilMs || stopped) {
            ended = true
            if (!stopped) nowMs = Math.max(nowMs, untilMs)
            resolve()
            return
          }
          pop()
          nowMs = next.atMs
          count++
          try {
            next.run?.()
          } catch (err) {
            ended = true
            reject(err)
          }
        }
        const phase = (): void => {
          if (ended) return
          for (let i = 0; i < EVENTS_PER_PHASE; i++) setImmediate(step)
          setImmediate(phase)
        }
        phase()
      })
    },
    stop() {
      stopped = true
    },
    count: () => count
  }
}
