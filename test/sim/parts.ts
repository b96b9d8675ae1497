import { once } from 'node:events'
import { isMainThread, parentPort, Worker as Thread, workerData } from 'node:worker_threads'
import {
  type Crossing,
  type LargeInit,
  largePart,
  type Part,
  type PartCounts,
  type PartInit,
  WINDOW_MS,
  type WindowEnd
} from './part.js'

/** Just before the next window begins. */
const END_MS = 1e-6
/** How often a run says how far it is. */
const TELL_MS = 10_000
/** A heap for some thousand nodes. Threads do not take it from the command line. */
const MAX_HEAP_MB = 16_384
/** Most of what a window of time makes is gone at its end. */
const YOUNG_HEAP_MB = 384

type Result = ReturnType<Part['checkAll']>

/**
 * Runs one network on a few threads, each with a part of the nodes. Whatever goes from one part to another takes until the next
 * window of time, so parts need to wait for each other only between windows; and the same number of parts gives the same run.
 */
export async function runParts(
  init: LargeInit,
  parts: number,
  tell: (text: string) => void = () => {}
): Promise<Result> {
  const run = parts === 1 ? runHere : runThread
  const runners = Array.from({ length: parts }, (_, part) => run({ ...init, part, parts }))
  try {
    let crossings: Crossing[][] = runners.map(() => [])
    let untilMs = WINDOW_MS
    let toldMs = performance.now()
    for (;;) {
      const ends = await Promise.all(
        runners.map((runner, part) => runner.run(untilMs - END_MS, crossings[part] ?? []))
      )
      if (ends.every(({ isDone }) => isDone)) break
      if (performance.now() - toldMs > TELL_MS) {
        toldMs = performance.now()
        tell(
          `${Math.round(untilMs / 1_000)} s simulated, ${ends[0]?.finalised ?? 0} of ${init.jobs} jobs final`
        )
      }
      crossings = runners.map((_, part) => ends.filter((_end, other) => other !== part))
      const nextMs = Math.min(...ends.map(nextOf))
      untilMs = Math.max(untilMs, Math.floor(nextMs / WINDOW_MS) * WINDOW_MS) + WINDOW_MS
    }
    const [first, ...rest] = runners
    if (first === undefined) throw new Error('a network has at least one part')
    return await first.checkAll(await Promise.all(rest.map(runner => runner.counts())))
  } finally {
    await Promise.all(runners.map(runner => runner.end()))
  }
}

/** When something happens next because of what a part did. */
function nextOf({ nextMs, departures }: WindowEnd): number {
  let firstMs = nextMs
  for (const { moves } of departures) {
    for (let at = 2; at < moves.length; at += 3) firstMs = Math.min(firstMs, moves[at] ?? firstMs)
  }
  return firstMs
}

type Asked = { run: [untilMs: number, crossings: Crossing[]] } | { counts: true } | { checkAll: PartCounts[] }

interface Runner {
  run(untilMs: number, crossings: Crossing[]): Promise<WindowEnd>
  counts(): Promise<PartCounts>
  checkAll(others: PartCounts[]): Promise<Result>
  end(): Promise<unknown>
}

function runHere(init: PartInit): Runner {
  const part = largePart(init)
  return {
    run: part.run,
    counts: async () => part.counts(),
    checkAll: async others => part.checkAll(others),
    end: async () => {}
  }
}

function runThread(init: PartInit): Runner {
  const thread = new Thread(new URL(import.meta.url), {
    workerData: init,
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB, maxYoungGenerationSizeMb: YOUNG_HEAP_MB }
  })
  async function ask<T>(asked: Asked): Promise<T> {
    const answered = once(thread, 'message')
    thread.postMessage(asked)
    const [answer] = await answered
    return answer
  }
  return {
    run: (untilMs, crossings) => ask({ run: [untilMs, crossings] }),
    counts: () => ask({ counts: true }),
    checkAll: others => ask({ checkAll: others }),
    end: () => thread.terminate()
  }
}

if (!isMainThread && parentPort !== null) {
  const port = parentPort
  const part = largePart(workerData as PartInit)
  const answer = async (asked: Asked): Promise<unknown> => {
    if ('run' in asked) return part.run(...asked.run)
    return 'counts' in asked ? part.counts() : part.checkAll(asked.checkAll)
  }
  port.on('message', (asked: Asked) => {
    answer(asked).then(
      said => port.postMessage(said),
      err => {
        throw err
      }
    )
  })
}
