import { RecordEnvelope } from '@libp2p/peer-record'
import { Leases } from '../../src/gossip/messages.js'
import { maximalClaimAgeMs } from '../../src/gossip/validation/time.js'
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
  /** Its disk is as it will find it. `holds`: whether a lease is there, or a later one of its claim. */
  checkDisk(
    node: number,
    clockMs: number,
    holds: (job: JobKey, startMs: number, sequence: number) => boolean
  ): void
  published(node: number, topic: string, data: Uint8Array): void
  violate(violation: Omit<Violation, 'atMs'>): void
  executions: Execution[]
  violations: Violation[]
  /** Leases in published messages of honest nodes. */
  leaseItems(): number
  errors: string[]
}

export interface ObserverInit {
  nowMs(): number
  timing: LeaseTiming
  trace: Trace
  honest(node: number): boolean
  /** Whether a key is an honest node's: a liar may repeat what that one signed. */
  isHonestKey(peer: PeerKey): boolean
  /** Whether a worker's own record of a release would survive a crash of its machine. */
  isReleaseDurable(node: number, job: JobKey): boolean
}

export function observer({
  nowMs,
  timing,
  trace,
  honest,
  isHonestKey,
  isReleaseDurable
}: ObserverInit): Observer {
  const executions: Execution[] = []
  const open = new Map<string, Execution>()
  const violations: Violation[] = []
  /** Node and job -> the claim that it published last, and how long it holds. */
  const claims = new Map<
    string,
    { job: JobKey; startMs: number; expiresMs: number; sequence: number; released: boolean }
  >()
  /** Liar's key and job -> the newest start that it claimed, and when it first said so. */
  const lies = new Map<string, { startMs: number; saidMs: number }>()
  /** Node and job -> when the node claimed it last. */
  const claimedMs = new Map<string, number>()
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
      } else if (
        lease.sequence === 0 &&
        !before.released &&
        before.expiresMs > lease.startMs &&
        !isReleaseDurable(node, lease.job)
      ) {
        const message = `node ${node} claimed job ${job} while its own earlier claim holds`
        violate({ rule: 'signing', jobId: undefined, message })
      }
    }
    const { job, startMs, expiresMs, sequence, release } = lease
    claims.set(id, { job, startMs, expiresMs, sequence, released: release !== undefined })
  }

  /** I8: who says late that it was first does not win what another has begun. */
  function checkLoss(node: number, job: JobKey, jobId: bigint, holder: PeerKey): void {
    const lie = lies.get(`${holder}:${job}`)
    const mineMs = claimedMs.get(`${node}:${job}`)
    if (lie === undefined || mineMs === undefined) return
    const lateMs = lie.saidMs - mineMs
    if (lateMs > maximalClaimAgeMs(timing) + timing.slotMs)
      violate({
        rule: 'I8',
        jobId,
        message: `a liar took the job from node ${node} by a claim that it made ${Math.round(lateMs)} ms later`
      })
  }

  function readLeases(data: Uint8Array): Lease[] {
    const { publicKey, payload } = RecordEnvelope.createFromProtobuf(data)
    const worker: PeerKey = Buffer.from(publicKey.raw).toString('hex')
    return Leases.decode(payload).leases.map(({ job, startMs, durationMs, sequence, release }) => ({
      job: Buffer.from(job).toString('hex'),
      worker,
      startMs,
      expiresMs: startMs + durationMs,
      sequence,
      // Only whether there is a reason counts here.
      release: release === 0 ? undefined : 1
    }))
  }

  function onLie(data: Uint8Array): void {
    let leases: Lease[]
    try {
      leases = readLeases(data)
    } catch {
      // Garbage says nothing.
      return
    }
    for (const { worker, job, startMs } of leases) {
      if (isHonestKey(worker)) return
      const before = lies.get(`${worker}:${job}`)
      if (before === undefined || before.startMs < startMs) {
        lies.set(`${worker}:${job}`, { startMs, saidMs: nowMs() })
      }
    }
  }

  return {
    executions,
    violations,
    errors: [],
    violate,
    leaseItems: () => items,
    event(node, event) {
      trace.event(nowMs(), node, event)
      const { job, jobId } = event
      if (event.type === 'execution:started') {
        const execution = { node, job, jobId, startMs: nowMs(), endMs: Number.POSITIVE_INFINITY }
        executions.push(execution)
        open.set(`${node}:${job}`, execution)
      } else if (event.type === 'execution:finished' || event.type === 'execution:aborted') {
        close(node, job)
      } else if (event.type === 'lease:claimed') {
        claimedMs.set(`${node}:${job}`, nowMs())
      } else if (event.type === 'lease:lost') {
        checkLoss(node, job, jobId, event.holder)
      }
    },
    ended(node) {
      for (const execution of [...open.values()]) if (execution.node === node) close(node, execution.job)
    },
    checkDisk(node, clockMs, holds) {
      for (const [id, { job, startMs, expiresMs, sequence, released }] of claims) {
        if (id !== `${node}:${job}` || released || expiresMs <= clockMs) continue
        if (holds(job, startMs, sequence) || isReleaseDurable(node, job)) continue
        violate({
          rule: 'signing',
          jobId: undefined,
          message: `node ${node} had published a lease of job ${job.slice(0, 8)} that its disk does not hold after a crash`
        })
      }
    },
    published(node, topic, data) {
      if (!topic.includes('/leases/')) return
      if (!honest(node)) return onLie(data)
      for (const lease of readLeases(data)) {
        items++
        const { job, startMs, expiresMs, sequence, release } = lease
        const end = release === undefined ? '' : ' release'
        const detail = `${job.slice(0, 8)} start=${startMs} sequence=${sequence} for=${expiresMs - startMs}${end}`
        trace.add({ atMs: nowMs(), node, what: 'lease:published', jobId: undefined, detail })
        checkLease(node, lease)
      }
    }
  }
}
