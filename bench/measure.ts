import type { Contender } from './contender.js'
import { median, type Percentiles, percentiles, round } from './statistics.js'

export interface MeasureInit {
  /** Jobs of the first measure, one at a time. */
  roundTrips: number
  /** Streams of the second measure; their median counts. */
  runs: number
  /** The longest time of one stream. */
  seconds: number
  /** The most jobs of one stream. */
  jobs: number
  inFlight: number
}

export interface Figures {
  roundTripMs: Percentiles
  jobsPerSecond: number
  /** Of each stream. */
  jobsPerSecondOfRuns: number[]
}

/**
 * Measures all contenders by turns, so that what else the machine does meets each of them alike.
 * Resolves with the figures in their order.
 */
export async function measure(
  contenders: Contender<unknown>[],
  init: MeasureInit,
  onStep: (step: string) => void
): Promise<Figures[]> {
  const times = contenders.map((): number[] => [])
  const rates = contenders.map((): number[] => [])
  const share = Math.ceil(init.roundTrips / init.runs)
  for (let run = 1; run <= init.runs; run++) {
    onStep(`run ${run} of ${init.runs}`)
    for (const [index, contender] of contenders.entries()) {
      times[index]?.push(...(await contender.roundTrips(share)))
    }
    for (const [index, contender] of contenders.entries()) {
      const { jobs, elapsedMs } = await contender.stream(init)
      rates[index]?.push(round((jobs / elapsedMs) * 1_000, 0))
    }
  }
  return contenders.map((_, index) => ({
    roundTripMs: percentiles(times[index] ?? []),
    jobsPerSecond: median(rates[index] ?? []),
    jobsPerSecondOfRuns: rates[index] ?? []
  }))
}
