import { RecordEnvelope } from '@libp2p/peer-record'
import { Leases } from '../../src/gossip/messages.js'
import type { JobKey, Lease, LeaseTiming, NodeEvent, PeerKey } from '../../src/interface/index.js'
import { slotOf } from '../../src/lease/holder.js'
import type { Trace } from './trace.js'

/** A rule of docs/protocol.md that a run broke. */
export interface Violation {
  rule: 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8' | 'signing' | 'crash'
  atMs: number
  jobId: bigint | undefined
  message: string
}

export interface Execution {
  node: number
  job: JobKey
  jobId: bigint
  startMs: number
  /** Infinity while it goes on. */
  endMs: number
}

/** What is seen of the nodes from outside: their events, and what they publish. */
export interface Observer {
  event(node: number, event: NodeEvent): void
  /** The node's process ended, and what it ran with it. */
  ended(node: number): void
  published(node: number, topic: string, data: Uint8Array): void
  violate(violation: Omit<Violation, 'atMs'>): void
  executions: Execution[]
  violations: Violation[]
  /** Nodes that run the job now, or wait to submit it. */
  running(job: JobKey): Execution[]
  /** Leases in published messages of honest nodes. */
  leaseItems(): number
  errors: string[]
}

export interface ObserverInit {
  nowMs(): number
  timing: LeaseTiming
  trace: Trace
  honest(node: number): boolean
  /** Whether a worker's own record of a release would survive a crash of its machine. */
  isReleaseDurable(node: number, job: JobKey): boolean
}

export function observer({ nowMs, timing, trace, honest, isReleaseDurable }: ObserverInit): Observer {
  const executions: Execution[] = []
  const open = new Map<string, Execution>()
  const violations: Violation[] = []
  /** Node and job -> the claim that it published last, and how long it holds. */
  const claims = new Map<string, { startMs: number; expiresMs: number; released: boolean }>()
  let items = 0

  function violate(violation: Omit<Violation, 'atMs'>): void {
    violations.push({ ...violation, atMs: nowMs() })
    const { rule, jobId, message } = violation
    trace.add({ atMs: nowMs(), node: -1, what: `VIOLATION ${rule}`, jobId, detail: message })
  }

  function close(node: number, job: JobKey): void {
    const execution = open.get(`${node}:${job}`)
    if (execution === undefined) return
    execution.endMs = nowMs()
    open.delete(`${node}:${job}`)
  }

  /** An honest worker never signs against its own history. */
  function checkLease(node: number, lease: Lease): void {
    const id = `${node}:${lease.job}`
    const before = claims.get(id)
    if (before !== undefined && before.startMs !== lease.startMs) {
      const job = lease.job.slice(0, 8)
      if (lease.sequence === 0 && slotOf(before, timing.slotMs) === slotOf(lease, timing.slotMs)) {
        violate({
          rule: 'signing',
          jobId: undefined,
          message: `node ${node} claimed job ${job} twice in one slot`
        })
      } else if (!before.released && before.expiresMs > lease.startMs && !isReleaseDurable(node, lease.job)) {
        const what = lease.sequence === 0 ? 'claimed' : 'renewed from another start'
        const message = `node ${node} ${what} job ${job} while its own earlier claim holds`
        violate({ rule: 'signing', jobId: undefined, message })
      }
    }
    const { startMs, expiresMs, release } = lease
    claims.set(id, { startMs, expiresMs, released: release !== undefined })
  }

  return {
    executions,
    violations,
    errors: [],
    violate,
    leaseItems: () => items,
    running: job =>
      executions.filter(execution => execution.job === job && execution.endMs === Number.POSITIVE_INFINITY),
    event(node, event) {
      trace.event(nowMs(), node, event)
      const { job, jobId } = event
      if (event.type === 'execution:started') {
        const execution = { node, job, jobId, startMs: nowMs(), endMs: Number.POSITIVE_INFINITY }
        executions.push(execution)
        open.set(`${node}:${job}`, execution)
      } else if (event.type === 'execution:finished' || event.type === 'execution:aborted') {
        close(node, job)
      }
    },
    ended(node) {
      for (const execution of [...open.values()]) if (execution.node === node) close(node, execution.job)
    },
    published(node, topic, data) {
      if (!honest(node) || !topic.includes('/leases/')) return
      const { publicKey, payload } = RecordEnvelope.createFromProtobuf(data)
      const worker: PeerKey = Buffer.from(publicKey.raw).toString('hex')
      for (const { job, startMs, durationMs, sequence, release } of Leases.decode(payload).leases) {
        items++
        const key = Buffer.from(job).toString('hex')
        const detail = `${key.slice(0, 8)} start=${startMs} sequence=${sequence} for=${durationMs} release=${release}`
        trace.add({ atMs: nowMs(), node, what: 'lease:published', jobId: undefined, detail })
        checkLease(node, {
          job: key,
          worker,
          startMs,
          expiresMs: startMs + durationMs,
          sequence,
          // Only whether there is a reason counts here.
          release: release === 0 ? undefined : 1
        })
      }
    }
  }
}
