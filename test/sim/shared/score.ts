import type { JobKey, PeerKey } from '../../../src/interface/index.js'
import { score as compute } from '../../../src/lease/score.js'

export { scoreFraction } from '../../../src/lease/score.js'

/** Scores of so many jobs are kept: more than are open at a time. */
const MAX_JOBS = 3_000

const scores = new Map<JobKey, Map<PeerKey, string>>()

/** As src/lease/score.ts: all nodes of a simulation ask for the same scores, so each is computed once. */
export function score(job: JobKey, worker: PeerKey): string {
  let ofJob = scores.get(job)
  if (ofJob === undefined) {
    ofJob = new Map()
    scores.set(job, ofJob)
    if (scores.size > MAX_JOBS) {
      const [oldest] = scores.keys()
      if (oldest !== undefined) scores.delete(oldest)
    }
  }
  let value = ofJob.get(worker)
  if (value === undefined) {
    value = compute(job, worker)
    ofJob.set(worker, value)
  }
  return value
}
