import { createHash } from 'node:crypto'
import type { NodeEvent } from '../../src/interface/index.js'

/** One thing that happened. */
export interface TraceEntry {
  atMs: number
  /** Number of the node; -1: the world. */
  node: number
  what: string
  jobId: bigint | undefined
  detail: string
}

/** All that happened in a run, in order, and a hash of it: two runs of one seed have the same. */
export interface Trace {
  add(entry: TraceEntry): void
  event(atMs: number, node: number, event: NodeEvent): void
  entries(): readonly TraceEntry[]
  hash(): string
}

/** `keep`: entries stay in memory; `hash`: they are only hashed; `off`: for runs of millions of events. */
export type TraceMode = 'keep' | 'hash' | 'off'

export function trace(mode: TraceMode): Trace {
  const kept: TraceEntry[] = []
  const digest = createHash('sha256')

  function add(entry: TraceEntry): void {
    const { atMs, node, what, jobId, detail } = entry
    digest.update(`${atMs} ${node} ${what} ${jobId ?? ''} ${detail}\n`)
    if (mode === 'keep') kept.push(entry)
  }

  if (mode === 'off') return { add() {}, event() {}, entries: () => [], hash: () => '' }
  return {
    add,
    event(atMs, node, { type, job, jobId, atMs: nodeMs, ...rest }) {
      const parts = Object.entries(rest).map(([name, value]) => `${name}=${String(value).slice(0, 12)}`)
      add({ atMs, node, what: type, jobId, detail: [job.slice(0, 8), `clock=${nodeMs}`, ...parts].join(' ') })
    },
    entries: () => kept,
    hash: () => digest.copy().digest('hex')
  }
}

export function describeEntry(
  { atMs, node, what, jobId, detail }: TraceEntry,
  name: (node: number) => string
): string {
  const who = node < 0 ? 'world' : name(node)
  return `${(atMs / 1_000).toFixed(4).padStart(9)} s  ${who.padEnd(4)} ${what.padEnd(20)} ${jobId === undefined ? '' : `job ${jobId} `}${detail}`
}
