import type { JobKey, PeerKey } from '../interface/bytes.js'
import type { ChainReader } from '../interface/chain.js'
import type { Clock, Timer } from '../interface/clock.js'
import type { EmitEvent } from '../interface/events.js'
import { JobStatus } from '../interface/job.js'
import { type Candidate, type Lease, type LeaseTiming, ReleaseReason } from '../interface/lease.js'
import type { Logger } from '../interface/logger.js'
import { claimQueue } from './claim-queue.js'
import { slotOf } from './holder.js'
import type { LeaseBook } from './lease-book.js'
import type { OwnLeases } from './own-leases.js'
import type { Roster } from './roster.js'

/** How many ranks are re-computed between two turns of the event loop when the roster changes: about 10 ms of hashing. */
const RERANK_CHUNK = 1_000
/** A job whose status was read from the chain longer ago than this is looked up again before it is claimed. */
const STATUS_MAX_AGE_MS = 5_000

export interface ClaimerInit {
  self: PeerKey
  timing: LeaseTiming
  /** How long a job that no live worker can run waits before one of them fails it on chain. */
  unservedAfterMs: number
  /** Whether this worker can run a model. */
  canRun(model: string): boolean
  /** How many more jobs this worker has room for. */
  room(): number
  /** The job is this worker's, until `onLost`. If it cannot run the model, nobody can: the job is to be failed. */
  onAcquired(candidate: Candidate): void
  /** Another worker holds the job, or the lease ran out: work on it must stop. */
  onLost(job: JobKey): void
  /** The chain says that the job is final. */
  onFinal(job: JobKey): void
}

export interface ClaimerComponents {
  book: LeaseBook
  roster: Roster
  own: OwnLeases
  chain: Pick<ChainReader, 'jobStatuses'>
  clock: Clock
  logger: Logger
  emit: EmitEvent
}

/** Decides which open job this worker claims, and when (docs/protocol.md, "Claiming"). */
export interface Claimer {
  /** No claim is made before it: a worker that has not heard of the others yet would take itself for the best. */
  start(): void
  stop(): void
  /** An open job that the chain confirmed just now. */
  add(candidate: Candidate): void
  /** A job whose lease this node held before it was restarted, and still does. */
  adopt(candidate: Candidate, lease: Lease): void
  /** Validated leases of registered workers. */
  onLeases(leases: Lease[]): void
  /** This node's own lease ran out. */
  onExpired(job: JobKey): void
  /** A worker joined, left, or has other models. */
  onRosterChange(): void
  /** There may be room again. */
  onRoom(): void
  /** The job is final or gone. */
  remove(job: JobKey): void
  get(job: JobKey): Candidate | undefined
  /** How many open jobs are known. */
  size(): number
}

export function claimer(init: ClaimerInit): (components: ClaimerComponents) => Claimer {
  const { self, timing } = init
  const quarterSlotMs = timing.slotMs / 4
  return ({ book, roster, own, chain, clock, logger, emit }) => {
    const queue = claimQueue()
    /** When the job became known here, and when the chain last said that it is open. */
    const times = new Map<JobKey, { knownMs: number; checkedMs: number }>()
    /** Jobs between `take` and the end of the claim. */
    const claiming = new Set<JobKey>()
    let freeSinceMs = 0
    let running = false
    let wake: Timer | undefined
    let rerank: Timer | undefined

    const hasRoom = (): boolean => init.room() > claiming.size

    /** The model by which workers rank themselves; undefined where none of them can run it. */
    function rankingModel({ model }: Candidate): string | undefined {
      return model !== undefined && (init.canRun(model) || roster.size(model) > 0) ? model : undefined
    }

    /**
     * Queues a job for when its turn comes: at once for its owner, a slot later for each better free worker, counted from
     * when it became known or the lease on it ends.
     */
    function enqueue(candidate: Candidate, notBeforeMs = 0): void {
      const { key } = candidate.reference
      const model = rankingModel(candidate)
      if (model !== undefined && !init.canRun(model)) return queue.park(candidate)
      const { isOwner, rank } = roster.rank(key, model)
      const graceMs = model === undefined ? init.unservedAfterMs : 0
      const openMs = (times.get(key)?.knownMs ?? clock.now()) + graceMs
      const heldUntilMs = book.holder(key, clock.now())?.expiresMs ?? 0
      queue.put(candidate, isOwner, Math.max(openMs, heldUntilMs, notBeforeMs) + rank * timing.slotMs)
    }

    function schedule(): void {
      wake?.cancel()
      const dueMs = queue.nextDueMs()
      if (!running || dueMs === undefined || !hasRoom()) return
      wake = clock.schedule(Math.max(0, dueMs - clock.now()), evaluate)
    }

    function evaluate(): void {
      if (!running) return
      while (hasRoom()) {
        const candidate = queue.take(clock.now())
        if (candidate === undefined) break
        consider(candidate)
      }
      schedule()
    }

    function consider(candidate: Candidate): void {
      const { key } = candidate.reference
      const nowMs = clock.now()
      if (candidate.deadlineMs <= nowMs) return forget(key)
      if (own.held(key) !== undefined) return
      if (book.holder(key, nowMs) !== undefined) return enqueue(candidate)
      const model = rankingModel(candidate)
      const { isOwner, rank } = roster.rank(key, model)
      if (!isOwner) {
        const turnMs = freeSinceMs + rank * timing.slotMs
        const takeAtMs = midSlot(Math.max(turnMs, nowMs))
        if (takeAtMs > nowMs) return queue.put(candidate, false, takeAtMs)
      }
      claiming.add(key)
      claim(candidate, isOwner, rank)
        .catch(err => {
          logger.warn(
            { err, jobId: candidate.reference.jobId },
            'a job could not be claimed; it is tried again'
          )
          enqueueIfOpen(candidate)
        })
        .finally(() => {
          claiming.delete(key)
          evaluate()
        })
    }

    /**
     * A worker that is not the job's owner claims in the middle of a slot only. The owner's claim, if it comes at about
     * the same time, then falls into the same slot and wins by its score before the other has begun.
     */
    function midSlot(atMs: number): number {
      const slotStartMs = slotOf({ startMs: atMs }, timing.slotMs) * timing.slotMs
      const phaseMs = atMs - slotStartMs
      if (phaseMs < quarterSlotMs) return slotStartMs + quarterSlotMs
      if (phaseMs <= 2 * quarterSlotMs) return atMs
      return slotStartMs + timing.slotMs + quarterSlotMs
    }

    async function claim(candidate: Candidate, isOwner: boolean, rank: number): Promise<void> {
      const { key, jobId } = candidate.reference
      const known = times.get(key)
      if (known !== undefined && clock.now() - known.checkedMs > STATUS_MAX_AGE_MS) {
        const [status] = await chain.jobStatuses([jobId])
        if (status !== JobStatus.Open) {
          if (queue.get(key) !== undefined) init.onFinal(key)
          return
        }
        known.checkedMs = clock.now()
        if (book.holder(key, clock.now()) !== undefined || queue.get(key) === undefined) {
          return enqueueIfOpen(candidate)
        }
      }
      const lease = await own.claim(candidate)
      if (lease === undefined) return enqueueIfOpen(candidate)
      book.add(lease)
      const slot = slotOf(lease, timing.slotMs)
      const { startMs, expiresMs } = lease
      emit({ type: 'lease:claimed', job: key, jobId, atMs: clock.now(), slot, rank, startMs, expiresMs })
      if (queue.get(key) === undefined) return own.release(key, ReleaseReason.Orphaned)
      if (!isOwner) {
        await new Promise<void>(resolve => clock.schedule(quarterSlotMs, resolve))
      }
      if (own.held(key) === undefined) return
      if (book.holder(key, clock.now())?.worker !== self) return lose(key)
      emit({ type: 'lease:acquired', job: key, jobId, atMs: clock.now(), slot, rank })
      init.onAcquired(candidate)
    }

    /** For the timeline: why another has a job is asked when that one may be gone. */
    function tell(lease: Lease, { reference: { jobId } }: Candidate): void {
      const { job, worker, startMs, expiresMs, sequence, release } = lease
      const seen = { worker, slot: slotOf(lease, timing.slotMs), startMs, expiresMs, sequence, release }
      emit({ type: 'lease:seen', job, jobId, atMs: clock.now(), ...seen })
    }

    function enqueueIfOpen(candidate: Candidate): void {
      if (queue.get(candidate.reference.key) !== undefined) enqueue(candidate, clock.now() + timing.slotMs)
    }

    /** A better lease stands: this worker gives its own up, and waits for the other's to end. */
    async function lose(job: JobKey): Promise<void> {
      const winner = book.holder(job, clock.now())
      const candidate = queue.get(job)
      if (candidate !== undefined) {
        const { jobId } = candidate.reference
        emit({ type: 'lease:lost', job, jobId, atMs: clock.now(), holder: winner?.worker ?? self })
        enqueue(candidate)
      }
      await own.release(job, ReleaseReason.Lost)
      schedule()
    }

    function forget(job: JobKey): void {
      queue.delete(job)
      times.delete(job)
      book.forget(job)
    }

    function rerankAll(): void {
      rerank?.cancel()
      const waiting = [...queue.candidates()]
      const next = (from: number): void => {
        for (const candidate of waiting.slice(from, from + RERANK_CHUNK)) {
          const { key } = candidate.reference
          if (queue.get(key) === undefined || own.held(key) !== undefined || claiming.has(key)) continue
          enqueue(candidate)
        }
        if (from + RERANK_CHUNK < waiting.length) rerank = clock.schedule(0, () => next(from + RERANK_CHUNK))
        else schedule()
      }
      rerank = clock.schedule(0, () => next(0))
    }

    return {
      start() {
        running = true
        evaluate()
      },
      stop() {
        running = false
        wake?.cancel()
        rerank?.cancel()
      },
      add(candidate) {
        const { key } = candidate.reference
        if (queue.get(key) !== undefined) return
        times.set(key, { knownMs: clock.now(), checkedMs: clock.now() })
        enqueue(candidate)
        schedule()
      },
      adopt(candidate, lease) {
        const { key } = candidate.reference
        times.set(key, { knownMs: clock.now(), checkedMs: clock.now() })
        queue.park(candidate)
        book.add(lease)
        init.onAcquired(candidate)
      },
      onLeases(leases) {
        for (const lease of leases) {
          if (!book.add(lease)) continue
          const candidate = queue.get(lease.job)
          if (candidate === undefined) continue
          tell(lease, candidate)
          if (own.held(lease.job) !== undefined && !claiming.has(lease.job)) {
            if (book.holder(lease.job, clock.now())?.worker === self) continue
            init.onLost(lease.job)
            lose(lease.job).catch(err =>
              logger.warn({ err }, 'a lost lease could not be released; it runs out by itself')
            )
          } else if (lease.release !== undefined && !claiming.has(lease.job)) {
            enqueue(candidate)
            schedule()
          }
        }
      },
      onExpired(job) {
        init.onLost(job)
        const candidate = queue.get(job)
        if (candidate !== undefined) enqueueIfOpen(candidate)
        schedule()
      },
      onRosterChange: rerankAll,
      onRoom() {
        freeSinceMs = clock.now()
        evaluate()
      },
      remove(job) {
        forget(job)
        schedule()
      },
      get: queue.get,
      size: () => queue.size
    }
  }
}
