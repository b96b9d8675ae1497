import type { Told } from './ground.js'
import type { Caused } from './inflict.js'
import { labelOf } from './schedule.js'

/** One execution, as its node told it. */
export interface Execution {
  jobId: bigint
  job: string
  node: string
  startMs: number
  /** When it ended; Infinity for one that nobody saw end. */
  endMs: number
  end: 'finished' | 'aborted' | 'killed' | 'unknown'
}

/** An execution of a job that had been begun before. */
export interface Duplicate {
  jobId: bigint
  first: Execution
  again: Execution
  /** Whether both ran at one time. */
  isParallel: boolean
  /** The fault that explains it; undefined where none does. */
  because: string | undefined
}

/** How long a fault may show after its end: connections are dialled again with back-off, leases of before run out. */
const aftermathMs = 10_000

/** All executions, in order of their start. A killed node's end with it. */
export function executionsOf(told: Told[], caused: Caused[]): Execution[] {
  const all: Execution[] = []
  const running = new Map<string, Execution>()
  const kills = caused.flatMap(({ fault, fromMs }) =>
    fault.kind === 'kill' ? [{ node: fault.node, atMs: fromMs }] : []
  )
  for (const { node, event } of told) {
    const name = `${node} ${event.job}`
    if (event.type === 'execution:started') {
      const one: Execution = {
        jobId: event.jobId,
        job: event.job,
        node,
        startMs: event.atMs,
        endMs: Number.POSITIVE_INFINITY,
        end: 'unknown'
      }
      running.set(name, one)
      all.push(one)
    } else if (event.type === 'execution:finished' || event.type === 'execution:aborted') {
      const one = running.get(name)
      if (one === undefined) continue
      one.endMs = event.atMs
      one.end = event.type === 'execution:finished' ? 'finished' : 'aborted'
      running.delete(name)
    }
  }
  for (const one of all) {
    const kill = kills.find(({ node, atMs }) => node === one.node && atMs >= one.startMs && atMs < one.endMs)
    if (kill !== undefined) {
      one.endMs = kill.atMs
      one.end = 'killed'
    }
  }
  return all.sort((a, b) => a.startMs - b.startMs)
}

/** Executions beyond the first of each job, with the fault that explains them. */
export function duplicatesOf(executions: Execution[], caused: Caused[], leaseMs: number): Duplicate[] {
  const byJob = Map.groupBy(executions, ({ jobId }) => jobId)
  const duplicates: Duplicate[] = []
  for (const [jobId, runs] of byJob) {
    for (const [index, again] of runs.entries()) {
      const earlier = runs.slice(0, index)
      const first = earlier.at(-1)
      if (first === undefined) continue
      const isParallel = earlier.some(({ endMs }) => endMs > again.startMs)
      duplicates.push({ jobId, first, again, isParallel, because: explain(earlier, again, caused, leaseMs) })
    }
  }
  return duplicates
}

/** The likeliest first: an execution that was killed needs no other reason. */
const likelihood = ['kill', 'pause', 'isolate', 'reorg', 'cut', 'rpc', 'hostile']

function explain(
  earlier: Execution[],
  again: Execution,
  caused: Caused[],
  leaseMs: number
): string | undefined {
  const nodes = new Set([...earlier.map(({ node }) => node), again.node])
  const fromMs = Math.min(...earlier.map(({ startMs }) => startMs)) - leaseMs
  const candidates = caused.filter(({ fault, fromMs: beganMs, toMs }) => {
    const endMs = (toMs ?? Number.POSITIVE_INFINITY) + aftermathMs
    if (beganMs > again.startMs || endMs < fromMs) return false
    switch (fault.kind) {
      case 'kill':
      case 'pause':
      case 'isolate':
      case 'rpc':
        return nodes.has(fault.node)
      case 'cut':
        return nodes.has(fault.node) || nodes.has(fault.peer)
      case 'reorg':
      case 'hostile':
        return true
      case 'subgraph':
        return false
    }
  })
  const best = candidates.sort(
    (a, b) => likelihood.indexOf(a.fault.kind) - likelihood.indexOf(b.fault.kind)
  )[0]
  return best === undefined ? undefined : labelOf(best.fault)
}
