import { createHash } from 'node:crypto'
import { seededRandom } from './random.js'

export const rpcFaults = ['error', 'rate-limit', 'delay', 'hang', 'cut', 'flaky'] as const
export type RpcFault = (typeof rpcFaults)[number]
export const subgraphFaults = ['lag', 'back', 'indexing-errors', 'error', 'hang'] as const
export type SubgraphFault = (typeof subgraphFaults)[number]
/** Which transactions of the replaced blocks are mined again: all, those of clients, or none. */
export const reorgKeeps = ['all', 'clients', 'none'] as const
export type ReorgKeep = (typeof reorgKeeps)[number]

/** One fault: from `atMs`, counted from the start of the trial, for `durationMs`. */
export type Fault = { atMs: number; durationMs: number } & (
  | { kind: 'kill'; node: string }
  | { kind: 'pause'; node: string }
  /** One connection. */
  | { kind: 'cut'; node: string; peer: string }
  /** All connections of a node: a partition. */
  | { kind: 'isolate'; node: string }
  | { kind: 'reorg'; depth: number; keep: ReorgKeep }
  | { kind: 'rpc'; node: string; how: RpcFault }
  | { kind: 'subgraph'; node: string; how: SubgraphFault }
  | { kind: 'hostile'; registered: boolean }
)

export interface ScheduleInit {
  seed: number
  durationMs: number
  /** No fault before it: what comes to be without faults is seen first. */
  calmMs: number
  leaseMs: number
  sequencers: string[]
  workers: string[]
}

/** Between two faults, on average. A worker that is started again takes some 5 s to load its model on two cores. */
const meanGapMs = 2_500
/** No fault begins so late, so that its end is still part of the trial. */
const quietEndMs = 3_000
/** How long a hostile peer attacks. It takes a core of its own. */
const attackMs = 8_000
/** Until a node that was killed works again. */
const restartMs = 8_000

/** How often each kind lies in the deck that faults are drawn from: each comes before any comes too often. */
const weights = [
  ['kill-worker', 4],
  ['kill-sequencer', 2],
  ['pause-worker', 3],
  ['pause-sequencer', 1],
  ['cut', 3],
  ['isolate', 2],
  ['reorg', 4],
  ['rpc', 6],
  ['subgraph', 5]
] as const

/**
 * The faults of a trial, in order; equal for equal arguments. Among workers and sequencers each, one is always left
 * running: with none, nothing could be seen but a wait.
 */
export function planFaults(init: ScheduleInit): Fault[] {
  const random = seededRandom(init.seed)
  const between = (min: number, max: number): number => Math.round(min + random() * (max - min))
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T
  const all = [...init.sequencers, ...init.workers]
  const faults: Fault[] = []
  /** When a node that is down, paused or cut off works again. */
  const awayUntilMs = new Map<string, number>()

  /** A node of the group that may go away, if another one stays. */
  function victim(group: string[], atMs: number): string | undefined {
    const present = group.filter(name => (awayUntilMs.get(name) ?? 0) <= atMs)
    return present.length > 1 ? pick(present) : undefined
  }

  function away(group: string[], kind: 'kill' | 'pause' | 'isolate', atMs: number, durationMs: number): void {
    const node = victim(group, atMs)
    if (node === undefined) return
    awayUntilMs.set(node, atMs + durationMs + (kind === 'kill' ? restartMs : 1_000))
    faults.push({ kind, node, atMs, durationMs })
  }

  const attacks = [0.35, 0.7].map((part, index) => ({
    kind: 'hostile' as const,
    registered: index === 1,
    atMs: Math.round(init.calmMs + part * (init.durationMs - init.calmMs)),
    durationMs: Math.min(attackMs, Math.round(init.durationMs / 8))
  }))
  faults.push(...attacks)

  const nextKind = deck(
    weights.flatMap(([kind, weight]) => Array.from({ length: weight }, () => kind)),
    random
  )
  const nextRpc = deck(rpcFaults, random)
  const nextSubgraph = deck(subgraphFaults, random)
  const nextKeep = deck(reorgKeeps, random)
  const nextDepth = deck([1, 2, 3, 4, 5], random)
  let atMs = init.calmMs
  while (atMs < init.durationMs - quietEndMs) {
    const kind = nextKind()
    switch (kind) {
      case 'kill-worker':
        away(init.workers, 'kill', atMs, between(200, 4_000))
        break
      case 'kill-sequencer':
        away(init.sequencers, 'kill', atMs, between(200, 4_000))
        break
      case 'pause-worker':
        away(init.workers, 'pause', atMs, Math.round(init.leaseMs * (1.1 + random() / 2)))
        break
      case 'pause-sequencer':
        away(init.sequencers, 'pause', atMs, between(1_000, 6_000))
        break
      case 'cut': {
        const node = pick(all)
        const peer = pick(all.filter(name => name !== node))
        faults.push({ kind, node, peer, atMs, durationMs: between(2_000, 8_000) })
        break
      }
      case 'isolate':
        away(pick([init.workers, init.sequencers]), kind, atMs, between(1_000, 1.5 * init.leaseMs))
        break
      case 'reorg':
        faults.push({ kind, depth: nextDepth(), keep: nextKeep(), atMs, durationMs: 0 })
        break
      case 'rpc':
        faults.push({
          kind,
          node: pick(init.workers),
          how: nextRpc(),
          atMs,
          durationMs: between(1_000, 6_000)
        })
        break
      case 'subgraph':
        faults.push({
          kind,
          node: pick(init.sequencers),
          how: nextSubgraph(),
          atMs,
          durationMs: between(1_000, 8_000)
        })
    }
    atMs += between(meanGapMs / 4, 1.75 * meanGapMs)
  }
  return faults.sort((a, b) => a.atMs - b.atMs)
}

/** Draws each card once, in an order by lot, before any comes again. */
function deck<T>(cards: readonly T[], random: () => number): () => T {
  let rest: T[] = []
  return () => {
    if (rest.length === 0) rest = [...cards]
    return rest.splice(Math.floor(random() * rest.length), 1)[0] as T
  }
}

/** Tells two schedules apart. */
export function scheduleHash(faults: Fault[]): string {
  return createHash('sha256').update(JSON.stringify(faults)).digest('hex').slice(0, 16)
}

/** `kill:worker`, `rpc:hang`, `reorg:depth-3`, …: what the report counts. */
export function labelOf(fault: Fault): string {
  switch (fault.kind) {
    case 'kill':
    case 'pause':
    case 'isolate':
      return `${fault.kind}:${fault.node.split('-')[0]}`
    case 'rpc':
    case 'subgraph':
      return `${fault.kind}:${fault.how}`
    case 'reorg':
      return `reorg:depth-${fault.depth}`
    case 'hostile':
      return `hostile:${fault.registered ? 'registered' : 'stranger'}`
    case 'cut':
      return 'cut'
  }
}
