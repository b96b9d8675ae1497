import { jobOf } from './chain-client.js'
import type { Fault } from './faults.js'
import type { Execution } from './observer.js'
import type { World } from './world.js'

export interface CheckInit {
  world: World
  faults: Fault[]
  /** Of networks at rest, only what else is promised of them is checked: clocks are wrong by up to an hour. */
  isAtRest?: boolean
}

/**
 * How long a fault that is over may still show: a lease that a node could not hear of (10 s), one claim's age (1.9 s), and
 * what was under way.
 */
const LINGER_MS = 15_000
/** src/lease/lease-book.ts keeps 8 claims of each worker; 7 workers and two liars. Of strangers nothing. */
const MAX_LEASES_PER_JOB = 72
/** Two nodes on two sides of one instant: deliveries and clocks. */
const TOLERANCE_MS = 5
/** Below this, jitter stays within what Δ allows for: a delivery is less than Δ - 2ε. */
const HARMLESS_JITTER_MS = 60
/** Without faults a job costs an announcement by each sequencer, a claim, renewals and a result; more if a few workers race. */
const MAX_CALM_MESSAGES = 8

/** The rules of docs/protocol.md that can be seen at the end of a run. */
export function checkRun({ world, faults, isAtRest = false }: CheckInit): void {
  if (!isAtRest) checkExecutions(world, faults)
  checkFinality(world)
  checkTruth(world)
  // A job that a reorg dropped is noticed by looking now and then: its lease may still be held.
  checkBounds(world, !isAtRest && !faults.some(({ kind }) => kind === 'reorg'))
  if (faults.length === 0) checkCalm(world, isAtRest)
}

/** I2, I7: without faults one execution, and a bounded number of messages, for each job. */
function checkCalm({ chain, observer, net }: World, isAtRest: boolean): void {
  for (const job of chain.jobs()) {
    const times = observer.executions.filter(({ jobId }) => jobId === job.jobId).length
    if (times !== 1)
      observer.violate({ rule: 'I2', jobId: job.jobId, message: `executed ${times} times without any fault` })
  }
  const { sent } = net.counts
  const messages = (sent.get('jobs') ?? 0) + (sent.get('leases') ?? 0) + (sent.get('results') ?? 0)
  const each = messages / Math.max(1, chain.jobs().length)
  // The renewals of one long job are more than that.
  if (each > MAX_CALM_MESSAGES && !isAtRest)
    observer.violate({ rule: 'I7', jobId: undefined, message: `${each.toFixed(1)} messages for each job` })
}

/** Whether a fault excuses that two nodes ran one job at one time. */
function excuses({ kind, nodes, amount }: Fault, a: number, b: number): boolean {
  switch (kind) {
    case 'loss':
    case 'delay':
      return true
    case 'reorder':
      return amount > HARMLESS_JITTER_MS
    case 'partition':
      return nodes.includes(a) !== nodes.includes(b)
    case 'crash':
    case 'pause':
    case 'skew':
    case 'clock-step':
    case 'slow-disk':
    case 'disk-full':
      return nodes.includes(a) || nodes.includes(b)
    default:
      return false
  }
}

/** Nodes may disagree on a holder for as long as a renewal may be lost and the next is due. */
const AGREE_WITHIN_MS = 7_000
const SAMPLE_MS = 1_000
/** The longest wait of an announcement, or between two syncs, and what follows. */
const REANNOUNCED_MS = 50_000

/** I1: once nothing has gone wrong for a while, all workers name the same holder of a job. */
export function watchHolders({ loop, chain, nodes, observer, name }: World, faults: Fault[]): void {
  const disturbing = faults.filter(fault => excuses(fault, fault.nodes[0] ?? 0, -1))
  /** Job -> since when they disagree. */
  const since = new Map<string, number>()
  const reported = new Set<string>()

  /** Its endpoint lagged, so that it may not have found the job, and dropped it (docs/simulation.md, "What is excused"). */
  const isUninformed = (index: number): boolean =>
    faults.some(
      ({ kind, nodes: befallen, fromMs, toMs }) =>
        kind === 'rpc-lag' &&
        befallen.includes(index) &&
        loop.nowMs() >= fromMs &&
        loop.nowMs() < toMs + REANNOUNCED_MS
    )

  const liars = new Set(nodes.flatMap(({ role, key }) => (role === 'byzantine' ? [key.peer] : [])))
  /** It was away, or cut off, when a liar claimed or renewed, as that one says (docs/simulation.md, "What is excused"). */
  const believesLiar = (index: number, holder: string): boolean =>
    liars.has(holder) &&
    faults.some(
      ({ kind, nodes: befallen, fromMs }) =>
        (kind === 'partition' || ((kind === 'crash' || kind === 'pause') && befallen.includes(index))) &&
        loop.nowMs() >= fromMs
    )

  function compare(key: string, jobId: bigint): void {
    const views = new Map<string, string[]>()
    for (const { worker, index } of nodes) {
      const holder = worker?.holder(key)
      if (worker === undefined || (holder === undefined && isUninformed(index))) continue
      if (holder !== undefined && believesLiar(index, holder)) continue
      const said = holder ?? 'nobody'
      views.set(said, [...(views.get(said) ?? []), name(index)])
    }
    if (views.size <= 1) return void since.delete(key)
    const sinceMs = since.get(key) ?? loop.nowMs()
    since.set(key, sinceMs)
    if (loop.nowMs() - sinceMs < AGREE_WITHIN_MS || reported.has(key)) return
    reported.add(key)
    const nameOf = (peer: string): string =>
      nodes.find(({ key: { peer: own } }) => own === peer)?.name ?? peer.slice(0, 8)
    const said = [...views].map(([holder, who]) => `${who.join(',')}: ${nameOf(holder)}`).join('; ')
    observer.violate({ rule: 'I1', jobId, message: `its holder is not agreed on: ${said}` })
  }

  function sample(): void {
    const isQuiet = disturbing.every(
      ({ fromMs, toMs }) => loop.nowMs() < fromMs || loop.nowMs() > toMs + LINGER_MS
    )
    if (!isQuiet) since.clear()
    else for (const job of chain.jobs()) if (job.final === undefined) compare(jobOf(job).key, job.jobId)
    loop.at(loop.nowMs() + SAMPLE_MS, sample)
  }
  loop.at(SAMPLE_MS, sample)
}

/** I3: two nodes that heard each other, with clocks, disks and lives in order, do not run one job at one time. */
function checkExecutions({ observer, loop, name }: World, faults: Fault[]): void {
  const byJob = new Map<string, Execution[]>()
  for (const execution of observer.executions) {
    const known = byJob.get(execution.job)
    if (known === undefined) byJob.set(execution.job, [execution])
    else known.push(execution)
  }
  for (const executions of byJob.values()) {
    for (const [index, a] of executions.entries()) {
      for (const b of executions.slice(index + 1)) {
        const fromMs = Math.max(a.startMs, b.startMs)
        const toMs = Math.min(a.endMs, b.endMs, loop.nowMs())
        if (toMs - fromMs <= TOLERANCE_MS) continue
        const bare = firstBare(
          fromMs,
          toMs,
          faults.filter(fault => excuses(fault, a.node, b.node))
        )
        if (bare === undefined) continue
        const both = a.node === b.node ? `${name(a.node)} twice` : `${name(a.node)} and ${name(b.node)}`
        observer.violate({
          rule: 'I3',
          jobId: a.jobId,
          message: `${both} ran it at one time, from ${Math.round(fromMs)} to ${Math.round(toMs)} ms (${Math.round(bare)} ms without a fault to excuse it)`
        })
      }
    }
  }
}

/** The first moment of a span that no fault, and no fault's aftermath, covers. */
function firstBare(fromMs: number, toMs: number, faults: Fault[]): number | undefined {
  let atMs = fromMs
  for (const fault of [...faults].sort((a, b) => a.fromMs - b.fromMs)) {
    if (fault.fromMs > atMs) break
    atMs = Math.max(atMs, fault.toMs + LINGER_MS)
  }
  return atMs + TOLERANCE_MS < toMs ? atMs : undefined
}

/** I4, I5, I6: each job of the chain is final, once. */
function checkFinality({ chain, observer, nodes }: World): void {
  for (const job of chain.jobs()) {
    if (job.final !== undefined) continue
    const executed = observer.executions.filter(({ jobId }) => jobId === job.jobId)
    const stored = nodes.filter(({ disk }) => disk.holdsResult(job.requestHash))
    if (stored.length > 0) {
      const where = stored.map(({ name }) => name).join(', ')
      observer.violate({
        rule: 'I6',
        jobId: job.jobId,
        message: `its result lies on disk at ${where} and was not submitted`
      })
    } else {
      observer.violate({
        rule: 'I4',
        jobId: job.jobId,
        message: `not final at the end, executed ${executed.length} times`
      })
    }
  }
  for (const [jobId, times] of finalisations(chain.finals(chain.headNumber()).map(({ jobId }) => jobId))) {
    if (times > 1) observer.violate({ rule: 'I5', jobId, message: `finalised ${times} times` })
  }
}

function finalisations(jobIds: bigint[]): Map<bigint, number> {
  const counts = new Map<bigint, number>()
  for (const id of jobIds) counts.set(id, (counts.get(id) ?? 0) + 1)
  return counts
}

/** I8: nobody ran what was never on chain. */
function checkTruth({ observer, name, minedKeys }: World): void {
  for (const { job, jobId, node } of observer.executions) {
    if (!minedKeys.has(job))
      observer.violate({ rule: 'I8', jobId, message: `${name(node)} ran a job that was never on chain` })
  }
}

/** I8: what strangers said has not stayed in anyone's memory. */
export function checkBounds({ nodes, observer, minedKeys }: World, isSettled: boolean): void {
  const workers = nodes.filter(({ role }) => role === 'worker').length
  const liars = nodes.filter(({ role }) => role === 'byzantine').length
  for (const { worker, name } of nodes) {
    const status = worker?.status()
    if (status === undefined) continue
    if (status.openJobs > minedKeys.size)
      observer.violate({
        rule: 'I8',
        jobId: undefined,
        message: `${name} knows ${status.openJobs} open jobs of ${minedKeys.size}`
      })
    if (status.leases > MAX_LEASES_PER_JOB * minedKeys.size)
      observer.violate({
        rule: 'I8',
        jobId: undefined,
        message: `${name} remembers ${status.leases} leases of ${minedKeys.size} jobs`
      })
    if (status.peers > workers + liars)
      observer.violate({
        rule: 'I8',
        jobId: undefined,
        message: `${name} takes ${status.peers} peers for workers`
      })
    if (isSettled && (status.heldJobs > 0 || status.runningJobs > 0))
      observer.violate({
        rule: 'I1',
        jobId: undefined,
        message: `${name} still holds ${status.heldJobs} and runs ${status.runningJobs} jobs when all are final`
      })
  }
}
