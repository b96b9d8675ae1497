import type { Contender } from './contender.js'
import { median, type Percentiles, percentiles, round } from './statistics.js'

export const parts = ['round-trips', 'streams'] as const

export interface MeasureInit {
  /** Default: both. */
  part?: (typeof parts)[number]
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
  roundTripMs: Percentiles | null
  jobsPerSecond: number | null
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
    for (const [index, contender] of init.part === 'streams' ? [] : contenders.entries()) {
      times[index]?.push(...(await contender.roundTrips(share)))
    }
    for (const [index, contender] of init.part === 'round-trips' ? [] : contenders.entries()) {
      const { jobs, elapsedMs } = await contender.stream(init)
      rates[index]?.push(round((jobs / elapsedMs) * 1_000, 0))
    }
  }
  return contenders.map((_, index) => ({
    roundTripMs: init.part === 'streams' ? null : percentiles(times[index] ?? []),
    jobsPerSecond: init.part === 'round-trips' ? null : median(rates[index] ?? []),
    jobsPerSecondOfRuns: rates[index] ?? []
  }))
}
