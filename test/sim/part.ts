import { internetTiming } from '../../src/interface/settings.js'
import type { Submission } from './chain.js'
import { checkBounds, checkRun } from './check.js'
import type { Departure } from './network.js'
import type { Execution, Violation } from './observer.js'
import { hash32, random } from './random.js'
import { createWorld, MODELS, type World } from './world.js'

/** A large run without faults. */
export interface LargeInit {
  seed: number
  workers: number
  jobs: number
  /** How fast jobs come. */
  jobsPerSecond: number
  /** They come in bursts of so many: one block after a while without any. Default: one by one. */
  burst?: number
  /** How many jobs a worker runs at once. */
  capacity?: { min: number; max: number }
}

export interface PartInit extends LargeInit {
  /** Every `parts`-th node runs here, from number `part` on. */
  part: number
  parts: number
}

/** What parts tell each other: what crosses between them is under way until the next window at least. */
export interface Crossing {
  departures: Departure[]
  submissions: Submission[]
}

/** One window of time has been run. */
export interface WindowEnd extends Crossing {
  nextMs: number
  finalised: number
  /** All jobs have been final for a while. */
  isDone: boolean
}

/** What a part has seen of its own nodes. */
export interface PartCounts {
  executions: Execution[]
  sent: [kind: string, count: number][]
  leaseItems: number
  deliveries: number
  events: number
  violations: Violation[]
}

/** A part of the nodes of one network, with a copy of its chain. */
export interface Part {
  run(untilMs: number, crossings: Crossing[]): Promise<WindowEnd>
  /** Checks the nodes of this part. */
  counts(): PartCounts
  /** What all parts have seen is checked together, here. */
  checkAll(others: PartCounts[]): { total: PartCounts; finalised: number; simulatedMs: number }
}

/** All that crosses the network arrives at a multiple of this: what reaches a busy process within it is read in one turn. */
export const WINDOW_MS = 25
/** Of a link, one way: neighbours in a mesh across a continent. */
const LINK_DELAY_MS = { min: 5, max: 60 }
const SEQUENCERS = 2
/** gossipsub keeps about so many peers in a node's mesh (`src/network/gossipsub-pubsub.ts`). */
const DEGREE = 8
const BLOCK_INTERVAL_MS = 1_000
/** A worker of a network with n others hears n presences in each interval. So a larger network says it less often. */
const presenceIntervalMs = (workers: number): number =>
  Math.max(internetTiming.presenceIntervalMs, workers * 100)
/** After the last job has come, all are done within this. */
const DRAIN_MS = 120_000
/** Before the first burst a single job comes: of a sequencer that has not been right yet, nodes take few. */
const LEAD_MS = 3_000
/** Presence, listening and the first sync come before the first job: this many presence intervals. */
const WARM_UP_INTERVALS = 1.6
const LOOK_MS = 1_000

/** From 50 to 500 ms. */
const executionMs = (key: string): number => 50 + (hash32(`large ${key}`) / 2 ** 32) * 450

export function largePart(init: PartInit): Part {
  const { seed, workers, jobs, jobsPerSecond, burst = 1, capacity = { min: 2, max: 4 }, part, parts } = init
  const rng = random(seed, 'large')
  const timing = { ...internetTiming, presenceIntervalMs: presenceIntervalMs(workers) }
  const isHere = (node: number): boolean => node % parts === part
  const world = createWorld({
    seed,
    workers,
    sequencers: SEQUENCERS,
    byzantine: 0,
    timing,
    faults: [],
    broken: undefined,
    trace: 'off',
    blockIntervalMs: BLOCK_INTERVAL_MS,
    capacity,
    executionMs,
    degree: DEGREE,
    delayMs: LINK_DELAY_MS,
    readEveryMs: WINDOW_MS,
    isHere
  })
  const { loop, chain, net, nodes } = world
  for (const node of nodes) {
    const atMs = rng.between(0, 500)
    if (isHere(node.index)) loop.at(atMs, () => world.start(node))
  }
  chain.start()
  const fromMs = WARM_UP_INTERVALS * timing.presenceIntervalMs
  const forMs = (jobs / jobsPerSecond) * 1_000
  const arrivalMs = (job: number): number => {
    if (burst === 1) return rng.between(0, forMs)
    return job === 0 ? 0 : LEAD_MS + (Math.floor(job / burst) * burst * 1_000) / jobsPerSecond
  }
  for (let job = 0; job < jobs; job++) loop.at(fromMs + arrivalMs(job), () => chain.request(MODELS[0] ?? ''))

  let isDone = false
  loop.at(fromMs + forMs + DRAIN_MS, () => {
    isDone = true
  })
  const look = (): void => {
    const areFinal = chain.jobs().length === jobs && chain.jobs().every(({ final }) => final !== undefined)
    if (areFinal) {
      loop.at(loop.nowMs() + 3 * BLOCK_INTERVAL_MS, () => {
        isDone = true
      })
    } else loop.at(loop.nowMs() + LOOK_MS, look)
  }
  look()

  return {
    async run(untilMs, crossings) {
      for (const { departures, submissions } of crossings) {
        net.enter(departures)
        for (const submission of submissions) chain.broadcast(submission)
      }
      await loop.run(untilMs)
      return {
        departures: net.departures(),
        submissions: chain.untold(),
        nextMs: loop.nextMs(),
        finalised: chain.finalised(),
        isDone
      }
    },
    counts() {
      checkBounds(world, true)
      return countsOf(world)
    },
    checkAll(others) {
      const { observer } = world
      for (const { executions, sent, violations } of others) {
        observer.executions.push(...executions)
        observer.violations.push(...violations)
        for (const [kind, count] of sent) net.counts.sent.set(kind, (net.counts.sent.get(kind) ?? 0) + count)
      }
      checkRun({ world, faults: [] })
      const own = countsOf(world)
      const sum = (name: 'leaseItems' | 'deliveries' | 'events'): number =>
        others.reduce((total, counts) => total + counts[name], own[name])
      return {
        total: {
          ...own,
          leaseItems: sum('leaseItems'),
          deliveries: sum('deliveries'),
          events: sum('events')
        },
        finalised: chain.finals(chain.headNumber()).length,
        simulatedMs: Math.round(loop.nowMs())
      }
    }
  }
}

function countsOf({ observer, net, loop }: World): PartCounts {
  const { accept, ignore, reject } = net.counts.verdicts
  return {
    executions: observer.executions,
    sent: [...net.counts.sent],
    leaseItems: observer.leaseItems(),
    deliveries: accept + ignore + reject,
    events: loop.count(),
    violations: observer.violations
  }
}
