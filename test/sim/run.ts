import type { BreakRule } from './breaks.js'
import { jobOf, localTiming } from './chain-client.js'
import { checkRun, watchHolders } from './check.js'
import { type Fault, type FaultKind, isByzantine, planFaults } from './faults.js'
import type { Violation } from './observer.js'
import { hash32, random } from './random.js'
import { isRest, planRest, watchRest } from './rest.js'
import type { TraceEntry } from './trace.js'
import { createWorld, MODELS, type World, type WorldNode } from './world.js'

export interface RunInit {
  seed: number
  workers: number
  jobs: number
  /** Kinds of faults to draw from. */
  kinds: readonly FaultKind[]
  broken: BreakRule | undefined
  /** Whether all seeds are networks at rest (rest.ts), and not one in ten. */
  rest?: boolean
  /** Instead of those that the seed draws: to shrink a failing run. */
  faults?: Fault[]
  keepTrace?: boolean
}

export interface RunReport {
  seed: number
  violations: Violation[]
  faults: Fault[]
  faultCounts: Partial<Record<FaultKind, number>>
  jobs: number
  executions: number
  /** Published messages about jobs: announcements, leases and results, not presence. */
  messages: number
  presenceMessages: number
  simulatedMs: number
  events: number
  /** Lines that nodes logged as errors. */
  errors: number
  traceHash: string
  trace: readonly TraceEntry[]
  name(node: number): string
}

const SEQUENCERS = 2
const MAX_BYZANTINE = 2
/** Jobs arrive from here on, and for this long. */
const JOBS_FROM_MS = 3_000
const JOBS_FOR_MS = 30_000
/** Faults come between these. Afterwards the world is well. */
const FAULTS_FROM_MS = 2_500
const FAULTS_TO_MS = 45_000
/** A well world ends all jobs within this: the longest lease of a liar (30 s), the longest execution, re-announcements. */
const QUIET_MS = 150_000
/** Once all jobs are final, the last messages and confirmations come within this. */
const SETTLE_MS = 8_000
const WATCH_MS = 500
/** From a request to its block, at most. */
const MINED_MS = 5_000
/** In one of so many runs nothing goes wrong. */
const CALM_EVERY = 5

/** Half of all models take no time, an eighth takes longer than a lease. */
function executionMs(key: string): number {
  const share = hash32(`share ${key}`) / 2 ** 32
  const part = hash32(`part ${key}`) / 2 ** 32
  if (share < 0.5) return 30 + part * 400
  if (share < 0.85) return 500 + part * 3_500
  return 6_000 + part * 30_000
}

export function faultsOf({ seed, workers, kinds }: Pick<RunInit, 'seed' | 'workers' | 'kinds'>): Fault[] {
  if (kinds.length === 0 || seed % CALM_EVERY === 0) return []
  return planFaults({
    rng: random(seed, 'faults'),
    kinds,
    workers,
    sequencers: SEQUENCERS,
    byzantine: MAX_BYZANTINE,
    fromMs: FAULTS_FROM_MS,
    toMs: FAULTS_TO_MS
  })
}

/** One simulated run, from the start of the nodes until all is quiet, and what was wrong in it. */
export async function simulate(init: RunInit): Promise<RunReport> {
  const { seed, broken } = init
  const rest = (init.rest ?? false) || isRest(seed) ? planRest(init) : undefined
  const workers = rest?.workers ?? init.workers
  const sequencers = rest?.sequencers ?? SEQUENCERS
  const byzantine = rest === undefined ? MAX_BYZANTINE : 0
  const jobs = rest?.jobsAtMs.length ?? init.jobs
  const faults = init.faults ?? rest?.faults ?? faultsOf(init)
  const rng = random(seed, 'run')
  const world = createWorld({
    seed,
    workers,
    sequencers,
    byzantine,
    timing: localTiming,
    faults,
    broken,
    trace: init.keepTrace === true ? 'keep' : 'hash',
    blockIntervalMs: rng.between(400, 2_000),
    capacity: { min: 1, max: 3 },
    executionMs,
    degree: workers + sequencers + byzantine,
    isRough: rest !== undefined
  })
  const { loop, chain, nodes, observer } = world

  for (const node of nodes) loop.at(rng.between(0, 300), () => world.start(node))
  chain.start()
  const burst = rng.chance(0.3)
  for (let job = 0; job < jobs; job++) {
    const atMs =
      rest?.jobsAtMs[job] ?? JOBS_FROM_MS + (burst ? rng.int(0, 2) * 10_000 : rng.between(0, JOBS_FOR_MS))
    const kind = rest?.isOneModel === true ? 0 : rng.next()
    const model = kind < 0.75 ? MODELS[0] : kind < 0.95 ? MODELS[1] : MODELS[2]
    loop.at(atMs, () => chain.request(model ?? ''))
  }
  for (const fault of faults) applyFault(world, fault)

  const onRejection = (err: unknown): void =>
    observer.violate({
      rule: 'crash',
      jobId: undefined,
      message: `a promise was rejected unheard: ${String(err)}`
    })
  process.on('unhandledRejection', onRejection)
  try {
    const lastJobMs = Math.max(0, ...(rest?.jobsAtMs ?? []))
    watchEnd(world, jobs, Math.max(FAULTS_TO_MS + 1_000, lastJobMs + MINED_MS))
    if (rest === undefined) watchHolders(world, faults)
    else watchRest(world, faults, job => executionMs(jobOf(job).key))
    await loop.run(Math.max(FAULTS_TO_MS, lastJobMs) + QUIET_MS)
    checkRun({ world, faults, isAtRest: rest !== undefined })
  } finally {
    process.removeListener('unhandledRejection', onRejection)
  }

  const sent = world.net.counts.sent
  const counted = (kind: string): number => sent.get(kind) ?? 0
  return {
    seed,
    violations: observer.violations,
    faults,
    faultCounts: countsOf(world),
    jobs: chain.jobs().length,
    executions: observer.executions.length,
    messages: counted('jobs') + counted('leases') + counted('results'),
    presenceMessages: counted('presence'),
    simulatedMs: loop.nowMs(),
    events: loop.count(),
    errors: observer.errors.length,
    traceHash: world.trace.hash(),
    trace: world.trace.entries(),
    name: world.name
  }
}

/** Ends the run once all jobs are final and what follows from that has happened. */
function watchEnd({ loop, chain, observer }: World, jobs: number, fromMs: number): void {
  let doneSinceMs: number | undefined
  const look = (): void => {
    const isDone =
      loop.nowMs() > fromMs &&
      chain.jobs().length > 0 &&
      chain.jobs().every(job => job.final !== undefined) &&
      observer.executions.every(({ endMs }) => endMs !== Number.POSITIVE_INFINITY)
    doneSinceMs = isDone ? (doneSinceMs ?? loop.nowMs()) : undefined
    if (doneSinceMs !== undefined && loop.nowMs() - doneSinceMs > SETTLE_MS) loop.stop()
    else loop.at(loop.nowMs() + WATCH_MS, look)
  }
  if (jobs > 0) look()
}

function countsOf({ faultCounts, net: { counts } }: World): Partial<Record<FaultKind, number>> {
  const totals = new Map(faultCounts)
  const set = (kind: FaultKind, value: number): void => {
    if (value > 0) totals.set(kind, value)
  }
  set('loss', counts.lost)
  set('duplicate', counts.duplicated)
  set('reorder', counts.reordered)
  set('delay', counts.late)
  return Object.fromEntries(totals)
}

/** At once, or at the worst moment: when the node next publishes a lease. */
function begin({ loop, net }: World, node: WorldNode, { toMs, amount }: Fault, run: () => void): void {
  let isPending = true
  const runOnce = (): void => {
    if (isPending) run()
    isPending = false
  }
  if (amount === 0 || node.role !== 'worker') return run()
  net.onPublished((from, topic) => {
    // Not within the very call, but before anything else happens.
    if (isPending && from === node.index && topic.includes('/leases/')) loop.at(loop.nowMs(), runOnce)
  })
  loop.at(toMs, runOnce)
}

/** It comes back after the same time whenever it begins. */
function crash(world: World, node: WorldNode, { fromMs, toMs, flag }: Fault): void {
  const { loop } = world
  if (!node.isUp) return
  world.count('crash')
  world.crash(node, flag)
  loop.at(loop.nowMs() + toMs - fromMs, () => world.start(node))
}

/** Puts a fault's beginning and end into the queue. */
export function applyFault(world: World, fault: Fault): void {
  const { loop, net, nodes, chain } = world
  const {
    kind,
    fromMs,
    toMs,
    nodes: [target = -1],
    amount,
    flag
  } = fault
  const { trouble } = net
  const node = nodes[target]
  const during = (begin: () => void, end: () => void): void => {
    loop.at(fromMs, begin)
    loop.at(toMs, end)
  }
  if (isByzantine(kind)) return
  switch (kind) {
    case 'loss':
      return during(
        () => {
          trouble.loss += amount
        },
        () => {
          trouble.loss = Math.max(0, trouble.loss - amount)
        }
      )
    case 'reorder':
      return during(
        () => {
          trouble.jitterMs += amount
        },
        () => {
          trouble.jitterMs = Math.max(0, trouble.jitterMs - amount)
        }
      )
    case 'duplicate':
      return during(
        () => {
          trouble.duplicate += amount
        },
        () => {
          trouble.duplicate = Math.max(0, trouble.duplicate - amount)
        }
      )
    case 'delay':
      return during(
        () => trouble.slow.set(target, amount),
        () => trouble.slow.delete(target)
      )
    case 'partition': {
      const sides = new Map(fault.nodes.map(member => [member, 1]))
      return during(
        () => {
          trouble.partitions.push(sides)
          world.count(kind)
        },
        () => {
          trouble.partitions = trouble.partitions.filter(other => other !== sides)
          world.streams.reconnect()
        }
      )
    }
    case 'reorg':
      loop.at(fromMs, () => {
        world.count(kind)
        world.trace.add({
          atMs: fromMs,
          node: -1,
          what: 'chain:reorg',
          jobId: undefined,
          detail: `${amount} blocks`
        })
        chain.reorg(amount, flag)
      })
      return
  }
  if (node === undefined) return
  switch (kind) {
    case 'crash':
      loop.at(fromMs, () => begin(world, node, fault, () => crash(world, node, fault)))
      return
    case 'pause':
      loop.at(fromMs, () => {
        world.count(kind)
        node.process.pause(toMs)
      })
      return
    case 'skew':
      world.count(kind)
      loop.at(toMs, () => node.process.stepClock(-amount))
      return
    case 'clock-step':
      return during(
        () => {
          world.count(kind)
          node.process.stepClock(amount)
        },
        () => node.process.stepClock(-amount)
      )
    case 'slow-disk':
      return during(
        () => {
          node.disk.trouble.slowMs = amount
        },
        () => {
          node.disk.trouble.slowMs = 0
        }
      )
    case 'disk-full':
      return during(
        () => {
          node.disk.trouble.isFull = true
        },
        () => {
          node.disk.trouble.isFull = false
        }
      )
    case 'rpc-error':
      return during(
        () =>
          begin(world, node, fault, () => {
            node.rpc.isDown = true
          }),
        () => {
          node.rpc.isDown = false
        }
      )
    case 'rpc-lag':
      return during(
        () => {
          world.count(kind)
          node.rpc.lagBlocks = amount
        },
        () => {
          node.rpc.lagBlocks = 0
        }
      )
    case 'subgraph-lag':
      return during(
        () => {
          world.count(kind)
          node.subgraph.lagBlocks = amount
        },
        () => {
          node.subgraph.lagBlocks = 0
        }
      )
    case 'subgraph-error':
      return during(
        () => {
          node.subgraph.isDown = true
        },
        () => {
          node.subgraph.isDown = false
        }
      )
  }
}
