import type { Fault } from './faults.js'
import { type RunInit, type RunReport, simulate } from './run.js'

/** A failing run with as few faults as still make it fail in the same way. */
export interface Shrunk {
  report: RunReport
  /** Runs that it took. */
  runs: number
}

/** More runs than this are not worth the wait. */
const MAX_RUNS = 60

/** Takes away faults, halves first and then one by one, as long as the same rule stays broken. */
export async function shrink(init: RunInit, failing: RunReport): Promise<Shrunk> {
  const rules = new Set(failing.violations.map(({ rule }) => rule))
  let runs = 0
  let best = failing

  async function stillFails(faults: Fault[]): Promise<boolean> {
    runs++
    const report = await simulate({ ...init, faults, keepTrace: true })
    if (!report.violations.some(({ rule }) => rules.has(rule))) return false
    best = report
    return true
  }

  let faults = failing.faults
  for (
    let size = Math.ceil(faults.length / 2);
    size >= 1 && faults.length > 0;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    let from = 0
    while (from < faults.length && runs < MAX_RUNS) {
      const fewer = faults.toSpliced(from, size)
      if (await stillFails(fewer)) faults = fewer
      else from += size
    }
  }
  // The whole trace, where nothing could be taken away.
  if (best === failing) best = await simulate({ ...init, faults, keepTrace: true })
  return { report: best, runs: runs + 1 }
}
