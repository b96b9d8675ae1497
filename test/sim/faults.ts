import type { Random } from './random.js'

/** The faults that can be asked for by name. */
export const faultKinds = [
  'loss',
  'delay',
  'reorder',
  'duplicate',
  'partition',
  'crash',
  'pause',
  'skew',
  'clock-step',
  'slow-disk',
  'disk-full',
  'rpc-error',
  'rpc-lag',
  'reorg',
  'subgraph-lag',
  'subgraph-error',
  'claim-spam',
  'backdating',
  'equivocation',
  'hoarding',
  'false-presence',
  'false-jobs',
  'false-results',
  'replay',
  'garbage'
] as const
export type FaultKind = (typeof faultKinds)[number]

/** What a byzantine node does. It holds a real key; whether the registry knows it is drawn by the seed. */
export const byzantineKinds = [
  'claim-spam',
  'backdating',
  'equivocation',
  'hoarding',
  'false-presence',
  'false-jobs',
  'false-results',
  'replay',
  'garbage'
] as const satisfies readonly FaultKind[]
export type ByzantineKind = (typeof byzantineKinds)[number]

export const isByzantine = (kind: FaultKind): kind is ByzantineKind =>
  byzantineKinds.some(known => known === kind)

/** One fault of a run. A run is a seed and a list of these: a shorter list is a smaller run. */
export interface Fault {
  kind: FaultKind
  fromMs: number
  toMs: number
  /** The nodes that it befalls; for a partition, one of its sides; empty where it befalls all. */
  nodes: number[]
  /** Strength: a probability, milliseconds, or blocks. */
  amount: number
  /** A crash of the machine (unsynced writes are lost); a byzantine node that is registered; a request that is not mined again. */
  flag: boolean
}

export interface FaultPlanInit {
  rng: Random
  kinds: readonly FaultKind[]
  workers: number
  /** Sequencers come after the workers. */
  sequencers: number
  /** Byzantine nodes come last. */
  byzantine: number
  fromMs: number
  toMs: number
  /** By how much clocks may be wrong. Default: 5 s all the time, 3 s for a while. */
  clockMs?: number
}

/** Draws the faults of a run: a few kinds out of those allowed, some of them several times. */
export function planFaults(init: FaultPlanInit): Fault[] {
  const { rng, kinds, workers, sequencers, byzantine, fromMs, toMs } = init
  const honest = workers + sequencers
  const chosen = rng.shuffle(kinds).slice(0, rng.int(1, Math.min(4, Math.max(1, kinds.length))))
  const faults: Fault[] = []
  let liar = 0

  const span = (leastMs: number, mostMs: number): Pick<Fault, 'fromMs' | 'toMs'> => {
    const lengthMs = Math.min(rng.between(leastMs, mostMs), toMs - fromMs)
    const startMs = rng.between(fromMs, toMs - lengthMs)
    return { fromMs: startMs, toMs: startMs + lengthMs }
  }
  const add = (kind: FaultKind, rest: Partial<Fault> & Pick<Fault, 'fromMs' | 'toMs'>): void => {
    faults.push({ kind, nodes: [], amount: 0, flag: false, ...rest })
  }
  /** Small ones as likely as large ones, where they may be very large. */
  const clockError = (leastMs: number, mostMs: number): number => {
    const part = rng.next()
    const sign = rng.chance(0.5) ? 1 : -1
    if (init.clockMs === undefined) return (leastMs + part * (mostMs - leastMs)) * sign
    return leastMs * (init.clockMs / leastMs) ** part * sign
  }
  const one = (): number[] => [rng.int(0, honest - 1)]
  const worker = (): number[] => [rng.int(0, workers - 1)]

  const planners: Record<FaultKind, () => void> = {
    loss: () => add('loss', { ...span(2_000, 20_000), amount: rng.between(0.02, 0.5) }),
    delay: () => add('delay', { ...span(1_000, 10_000), nodes: one(), amount: rng.between(200, 3_000) }),
    reorder: () => add('reorder', { ...span(2_000, 15_000), amount: rng.between(20, 800) }),
    duplicate: () => add('duplicate', { ...span(2_000, 20_000), amount: rng.between(0.05, 0.5) }),
    partition: () => {
      // Flapping: several short ones with the same sides.
      const side = rng
        .shuffle(Array.from({ length: honest }, (_, node) => node))
        .slice(0, rng.int(1, honest - 1))
      const flaps = rng.chance(0.4) ? rng.int(2, 5) : 1
      for (let flap = 0; flap < flaps; flap++)
        add('partition', { ...span(flaps > 1 ? 300 : 1_000, flaps > 1 ? 4_000 : 20_000), nodes: side })
    },
    // Half of the crashes of workers come at the worst moment: right after the node has published a lease.
    crash: () =>
      add('crash', {
        ...span(50, rng.chance(0.5) ? 3_000 : 18_000),
        nodes: one(),
        amount: rng.chance(0.5) ? 1 : 0,
        flag: rng.chance(0.5)
      }),
    pause: () => add('pause', { ...span(200, 15_000), nodes: worker() }),
    skew: () =>
      add('skew', {
        fromMs: 0,
        toMs,
        nodes: one(),
        amount: clockError(100, 5_000)
      }),
    'clock-step': () =>
      add('clock-step', {
        ...span(1_000, 10_000),
        nodes: one(),
        amount: clockError(50, 3_000)
      }),
    'slow-disk': () =>
      add('slow-disk', { ...span(1_000, 15_000), nodes: one(), amount: rng.between(50, 4_000) }),
    'disk-full': () => add('disk-full', { ...span(1_000, 12_000), nodes: one() }),
    'rpc-error': () => add('rpc-error', { ...span(500, 12_000), nodes: one() }),
    'rpc-lag': () => add('rpc-lag', { ...span(2_000, 20_000), nodes: one(), amount: rng.int(1, 5) }),
    reorg: () => add('reorg', { ...span(0, 0), amount: rng.int(1, 4), flag: rng.chance(0.3) }),
    'subgraph-lag': () =>
      add('subgraph-lag', {
        ...span(2_000, 15_000),
        nodes: [workers + rng.int(0, sequencers - 1)],
        amount: rng.int(1, 8)
      }),
    'subgraph-error': () =>
      add('subgraph-error', { ...span(500, 10_000), nodes: [workers + rng.int(0, sequencers - 1)] }),
    ...Object.fromEntries(
      byzantineKinds.map(kind => [
        kind,
        () => {
          if (liar < byzantine)
            add(kind, { fromMs, toMs, nodes: [honest + liar++], amount: rng.next(), flag: rng.chance(0.7) })
        }
      ])
    )
  } as Record<FaultKind, () => void>

  for (const kind of chosen) {
    const times = isByzantine(kind) || kind === 'loss' ? 1 : rng.int(1, 3)
    for (let i = 0; i < times; i++) planners[kind]()
  }
  return faults.sort((a, b) => a.fromMs - b.fromMs)
}

/** A fault in a line. */
export function describeFault(
  { kind, fromMs, toMs, nodes, amount, flag }: Fault,
  name: (node: number) => string
): string {
  const where = nodes.length === 0 ? 'all' : nodes.map(name).join(',')
  const strength = amount === 0 ? '' : ` ${amount < 1 && amount > 0 ? amount.toFixed(2) : Math.round(amount)}`
  return `${(fromMs / 1_000).toFixed(3)}–${(toMs / 1_000).toFixed(3)} s ${kind} ${where}${strength}${flag ? ' (hard)' : ''}`
}
