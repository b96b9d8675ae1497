import type { NodeEvent } from '../../src/interface/index.js'

/** How far a job has come, as the nodes' events tell. */
export type JobState =
  | 'requested'
  | 'indexed'
  | 'announced'
  | 'claimed'
  | 'running'
  | 'submitting'
  | 'succeeded'
  | 'failed'

export interface BoardRow {
  jobId: bigint
  /** What it is about: the file name of a picture, or a model. */
  subject: string
  state: JobState
  /** Name of the node that claimed it last. */
  worker: string | undefined
  requestedAtMs: number
  finalAtMs: number | undefined
  /** How often a worker began to run it. */
  executions: number
  /** What the last execution came to. */
  success: boolean | undefined
}

/** The jobs of a local network and how far each has come. Events of jobs that it does not know are kept for later. */
export interface Board {
  add(job: { jobId: bigint; subject: string; requestedAtMs: number }): void
  onEvent(node: string, event: NodeEvent): void
  rows(): BoardRow[]
  /** Called after each change. */
  onChange(listener: (row: BoardRow) => void): void
}

const order: JobState[] = [
  'requested',
  'indexed',
  'announced',
  'claimed',
  'running',
  'submitting',
  'succeeded',
  'failed'
]

export function createBoard(): Board {
  const rows = new Map<bigint, BoardRow>()
  // The nodes may be quicker than the receipt of the request. Bounded by the jobs of this network, which are our own.
  const early = new Map<bigint, [string, NodeEvent][]>()
  const listeners: ((row: BoardRow) => void)[] = []

  function apply(row: BoardRow, node: string, event: NodeEvent): void {
    const before = { ...row }
    switch (event.type) {
      case 'job:indexed':
        row.state = later(row.state, 'indexed')
        break
      case 'job:announced':
        row.state = later(row.state, 'announced')
        break
      case 'lease:acquired':
        // A take-over sets it back: another worker begins anew.
        row.state = row.finalAtMs === undefined ? 'claimed' : row.state
        row.worker = node
        break
      case 'execution:started':
        row.state = row.finalAtMs === undefined ? 'running' : row.state
        row.executions++
        break
      case 'execution:finished':
        row.state = later(row.state, 'submitting')
        row.success = event.success
        break
      case 'submission:accepted':
        row.state = row.success === false ? 'failed' : 'succeeded'
        row.worker = node
        row.finalAtMs ??= event.atMs
        break
      default:
        return
    }
    if (row.state !== before.state || row.worker !== before.worker) {
      for (const listener of listeners) {
        listener(row)
      }
    }
  }

  return {
    add({ jobId, subject, requestedAtMs }) {
      const row: BoardRow = {
        jobId,
        subject,
        state: 'requested',
        worker: undefined,
        requestedAtMs,
        finalAtMs: undefined,
        executions: 0,
        success: undefined
      }
      rows.set(jobId, row)
      for (const listener of listeners) {
        listener(row)
      }
      for (const [node, event] of early.get(jobId) ?? []) {
        apply(row, node, event)
      }
      early.delete(jobId)
    },
    onEvent(node, event) {
      const row = rows.get(event.jobId)
      if (row !== undefined) {
        apply(row, node, event)
        return
      }
      const waiting = early.get(event.jobId) ?? []
      waiting.push([node, event])
      early.set(event.jobId, waiting)
    },
    rows: () => [...rows.values()].sort((a, b) => (a.jobId < b.jobId ? -1 : 1)),
    onChange: listener => {
      listeners.push(listener)
    }
  }
}

function later(a: JobState, b: JobState): JobState {
  return order.indexOf(a) >= order.indexOf(b) ? a : b
}
