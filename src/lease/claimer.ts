import type { JobKey } from '../interface/bytes.js'
import type { Timer } from '../interface/clock.js'
import { JobStatus } from '../interface/job.js'
import { type Candidate, type Lease, ReleaseReason } from '../interface/lease.js'
import { claimQueue } from './claim-queue.js'
import type { Claimer, ClaimerComponents, ClaimerInit } from './claimer-types.js'
import { slotOf } from './holder.js'
import { loopLag } from './loop-lag.js'
import { reranking } from './reranking.js'
import { witness } from './witness.js'

/** A job whose status was read from the chain longer ago than this is looked up again before it is claimed. */
const STATUS_MAX_AGE_MS = 5_000
/** How often the open jobs are looked through for those past their deadline. 100,000 take some milliseconds. */
const SWEEP_MS = 5_000
/** A process that stays late begins after two slots all the same: then it is slow, not stopped. */
const MAX_SETTLE_TURNS = 8
/** A worker whose own means failed at a job leaves it to others for the length of a lease, then twice as long, up to this. */
const MAX_FAILED_PAUSE_MS = 300_000

export function claimer(init: ClaimerInit): (components: ClaimerComponents) => Claimer {
  const { self, timing } = init
  const quarterSlotMs = timing.slotMs / 4
  return ({ book, roster, own, chain, clock, logger, emit }) => {
    const queue = claimQueue()
    const counted = witness(timing)({ book, roster, clock })
    /** Jobs between `take` and the end of the claim. */
    const claiming = new Map<JobKey, Promise<void>>()
    /** Ends the waits of claims. */
    const waits = new Set<() => void>()
    /** Jobs of an earlier run whose leases others may not have heard of. */
    const adopted = new Set<JobKey>()
    let freeSinceMs = 0
    let running = false
    let wake: Timer | undefined
    /** When it rings. This and all times of the queue: as the clock's `steadyMs` says. */
    let wakeMs = Number.POSITIVE_INFINITY
    let sweeper: Timer | undefined
    let isEvaluating = false
    const lag = loopLag({ periodMs: timing.slotMs })({ clock })
    const ranks = reranking({
      leastIntervalMs: timing.presenceIntervalMs,
      candidates,
      rank: enqueueIfWaiting,
      onRanked: schedule
    })({ clock })

    function* candidates(): Iterable<Candidate> {
      for (const { candidate } of queue.all()) yield candidate
    }

    const hasRoom = (): boolean => init.room() > claiming.size

    /** The model by which workers rank themselves; undefined where none of them can run it. */
    function rankingModel({ model }: Candidate): string | undefined {
      return model !== undefined && (init.canRun(model) || roster.size(model) > 0) ? model : undefined
    }

    /**
     * Queues a job for when its turn comes: at once for its owner, a slot later for each better free worker, counted from
     * when it became known or the lease on it ends.
     */
    function enqueue(candidate: Candidate): void {
      const { key } = candidate.reference
      const known = queue.get(key)
      if (known === undefined) return
      const model = rankingModel(candidate)
      if (model !== undefined && !init.canRun(model)) return queue.park(key)
      const { isOwner, rank } = roster.rank(key, model)
      const graceMs = model === undefined ? init.unservedAfterMs : 0
      const openMs = known.knownMs + graceMs
      const lease = book.holder(key, clock.now())
      const heldUntilMs = lease === undefined ? 0 : clock.steadyMs() + lease.expiresMs - clock.now()
      queue.put(key, isOwner, Math.max(openMs, heldUntilMs, known.notBeforeMs) + rank * timing.slotMs)
    }

    /** Unless it is this node's own, or about to be. */
    function enqueueIfWaiting(candidate: Candidate): void {
      const { key } = candidate.reference
      if (queue.get(key) === undefined || own.held(key) !== undefined || claiming.has(key)) return
      enqueue(candidate)
    }

    /** A timer that rings too early finds nothing, and looks again: it is not worth a new one for each job that leaves. */
    function schedule(): void {
      const dueMs = queue.nextDueMs()
      if (!running || dueMs === undefined || !hasRoom()) return
      const waitMs = dueMs - clock.steadyMs()
      if (waitMs <= 0) return evaluateSoon()
      if (wakeMs <= dueMs) return
      wake?.cancel()
      wakeMs = dueMs
      wake = clock.schedule(waitMs, () => {
        wakeMs = Number.POSITIVE_INFINITY
        evaluate()
      })
    }

    /** In a microtask: no timer's millisecond is lost, and the jobs of one announcement are claimed together. */
    function evaluateSoon(): void {
      if (isEvaluating) return
      isEvaluating = true
      queueMicrotask(() => {
        isEvaluating = false
        evaluate()
      })
    }

    function evaluate(): void {
      if (!running) return
      while (hasRoom()) {
        const candidate = queue.take(clock.steadyMs())
        if (candidate === undefined) break
        consider(candidate)
      }
      schedule()
    }

    function consider(candidate: Candidate): void {
      const { key } = candidate.reference
      const nowMs = clock.now()
      if (candidate.deadlineMs <= nowMs) return init.onPast(key)
      if (own.held(key) !== undefined) return
      if (book.holder(key, nowMs) !== undefined) return enqueue(candidate)
      const model = rankingModel(candidate)
      if (model === undefined && candidate.model !== undefined && init.isComing?.(candidate.model)) {
        return queue.put(key, false, clock.steadyMs() + init.unservedAfterMs / 4)
      }
      const { isOwner, rank } = roster.rank(key, model)
      if (!isOwner) {
        const turnInMs = Math.max(0, freeSinceMs + rank * timing.slotMs - clock.steadyMs())
        const takeInMs = midSlot(nowMs + turnInMs) - nowMs
        if (takeInMs > 0) return queue.put(key, false, clock.steadyMs() + takeInMs)
      }
      const ended = claim(candidate, isOwner, rank)
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
      claiming.set(key, ended)
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
      if (!(await isStillOpen(candidate))) return
      if (!running || book.holder(key, clock.now()) !== undefined) return enqueueIfOpen(candidate)
      const lease = await own.claim(candidate)
      if (lease === undefined) return enqueueIfOpen(candidate)
      const slot = slotOf(lease, timing.slotMs)
      const { startMs, expiresMs } = lease
      emit({ type: 'lease:claimed', job: key, jobId, atMs: clock.now(), slot, rank, startMs, expiresMs })
      if (queue.get(key) === undefined) return giveBack(key, ReleaseReason.Orphaned)
      book.add(lease)
      if (running && (!isOwner || lag.lagMs() > quarterSlotMs / 4)) await settle()
      if (!running) return giveBack(key, ReleaseReason.ShuttingDown)
      if (own.held(key) === undefined) return enqueueIfOpen(candidate)
      if (book.holder(key, clock.now())?.worker !== self) return lose(key)
      emit({ type: 'lease:acquired', job: key, jobId, atMs: clock.now(), slot, rank })
      init.onAcquired(candidate)
    }

    /** Whether the chain holds the job, as of a moment ago at most; what it does not is dropped. */
    async function isStillOpen(candidate: Candidate): Promise<boolean> {
      const { key } = candidate.reference
      const known = queue.get(key)
      if (known === undefined) return false
      if (clock.steadyMs() - known.checkedMs <= STATUS_MAX_AGE_MS) return true
      const [verdict] = await chain.verifyJobs([candidate.reference])
      if (queue.get(key) === undefined) return false
      if (verdict?.kind !== 'found') init.onGone(candidate)
      else if (verdict.status !== JobStatus.Open) init.onFinal(key)
      else {
        known.checkedMs = clock.steadyMs()
        return true
      }
      return false
    }

    async function giveBack(job: JobKey, reason: ReleaseReason): Promise<void> {
      await own.release(job, reason)
      if (reason === ReleaseReason.Orphaned) await own.forget(job)
    }

    /**
     * Waits for what others may have claimed at the same time. Not before this process reads again what has arrived: an
     * owner that is late may have been overtaken, too.
     */
    async function settle(): Promise<void> {
      for (let turn = 0; turn < MAX_SETTLE_TURNS && running; turn++) {
        await pause(quarterSlotMs)
        if (lag.lagMs() <= quarterSlotMs / 4) return
      }
    }

    /** Resolves after a while, or when no more is claimed. */
    async function pause(delayMs: number): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = clock.schedule(delayMs, resolve)
      waits.add(resolve)
      await promise
      waits.delete(resolve)
      timer.cancel()
    }

    /** For the timeline: why another has a job is asked when that one may be gone. */
    function tell(lease: Lease, { reference: { jobId } }: Candidate): void {
      const { job, worker, startMs, expiresMs, sequence, release } = lease
      const seen = { worker, slot: slotOf(lease, timing.slotMs), startMs, expiresMs, sequence, release }
      emit({ type: 'lease:seen', job, jobId, atMs: clock.now(), ...seen })
    }

    function enqueueIfOpen(candidate: Candidate): void {
      const { key } = candidate.reference
      const known = queue.get(key)
      if (known === undefined) return
      known.notBeforeMs = Math.max(known.notBeforeMs, clock.steadyMs() + timing.slotMs)
      enqueue(candidate)
    }

    /** A better lease stands: this worker gives its own up, and waits for the other's to end. */
    async function lose(job: JobKey): Promise<void> {
      const winner = book.holder(job, clock.now())
      const candidate = queue.get(job)?.candidate
      if (candidate !== undefined) {
        const { jobId } = candidate.reference
        emit({ type: 'lease:lost', job, jobId, atMs: clock.now(), holder: winner?.worker ?? self })
        enqueue(candidate)
      }
      // First: the disk, or the network, may not take the release.
      schedule()
      await own.release(job, ReleaseReason.Lost)
    }

    function loseNow(job: JobKey): void {
      init.onLost(job)
      lose(job).catch(err =>
        logger.warn({ err }, 'a lost lease could not be released; it runs out by itself')
      )
    }

    /** Who claims long after this node did has not heard of it: it is told again. */
    function answerClaim(mine: Lease, other: Lease): void {
      if (other.sequence > 0 || other.startMs < mine.startMs + timing.slotMs) return
      repeat(mine.job)
    }

    function repeat(job: JobKey): void {
      own
        .repeat(job)
        .catch(err => logger.debug({ err }, 'a lease could not be repeated; its renewal says the same'))
    }

    function forget(job: JobKey): void {
      queue.delete(job)
      book.forget(job)
    }

    /** Nobody can finish a job after its deadline: it leaves, whether its turn came or not. */
    function sweep(): void {
      const nowMs = clock.now()
      const past = [...candidates()].filter(({ deadlineMs }) => deadlineMs <= nowMs)
      for (const { reference } of past) init.onPast(reference.key)
      sweeper = clock.schedule(SWEEP_MS, sweep)
    }

    function onLeases(leases: Lease[], envelope?: Uint8Array): Lease[] {
      const proven: Lease[] = []
      for (const lease of leases) {
        const { job } = lease
        const candidate = queue.get(job)?.candidate
        if (candidate === undefined && !init.isPending(job)) continue
        if (!book.add(counted(lease), envelope)) continue
        if (book.equivocation(lease) !== undefined) proven.push(lease)
        if (candidate === undefined) continue
        tell(lease, candidate)
        if (claiming.has(job)) continue
        const mine = own.held(job)
        if (mine !== undefined) {
          // With its renewals, of which the book has not heard.
          book.add(mine)
          if (book.holder(job, clock.now())?.worker === self) answerClaim(mine, lease)
          else loseNow(job)
        } else if (book.holder(job, clock.now()) === undefined) {
          // Released, or void by a second claim in one slot.
          enqueue(candidate)
          schedule()
        }
      }
      return proven
    }

    return {
      start() {
        running = true
        lag.start()
        sweeper ??= clock.schedule(SWEEP_MS, sweep)
        // When they were taken up, there may have been no peer to hear of them.
        for (const job of adopted) repeat(job)
        adopted.clear()
        evaluate()
      },
      async stop() {
        running = false
        wake?.cancel()
        ranks.stop()
        lag.stop()
        sweeper?.cancel()
        for (const end of waits) end()
        await Promise.all(claiming.values())
      },
      add(candidate) {
        const { key } = candidate.reference
        if (queue.get(key) !== undefined) return
        queue.add(candidate, clock.steadyMs())
        enqueue(candidate)
        schedule()
      },
      adopt(candidate, lease) {
        const { key } = candidate.reference
        queue.add(candidate, clock.steadyMs())
        book.add(lease)
        if (book.holder(key, clock.now())?.worker !== self) return loseNow(key)
        init.onAcquired(candidate)
        adopted.add(key)
        repeat(key)
      },
      onLeases,
      onHeard(worker) {
        onLeases(book.leasesOf(worker).filter(lease => lease.countedFromMs !== undefined))
      },
      onShunned(worker) {
        for (const job of book.drop(worker)) {
          const candidate = queue.get(job)?.candidate
          if (candidate !== undefined) enqueueIfWaiting(candidate)
        }
        schedule()
      },
      onExpired(job) {
        init.onLost(job)
        const candidate = queue.get(job)?.candidate
        if (candidate !== undefined) enqueueIfOpen(candidate)
        schedule()
      },
      onFailed(job) {
        const known = queue.get(job)
        if (known === undefined) return
        const pauseMs = Math.min(timing.leaseMs * 2 ** known.failures, MAX_FAILED_PAUSE_MS)
        known.failures++
        known.notBeforeMs = clock.steadyMs() + pauseMs
        enqueue(known.candidate)
        schedule()
      },
      onRosterChange: ranks.all,
      onRoom() {
        freeSinceMs = clock.steadyMs()
        evaluate()
      },
      remove(job) {
        forget(job)
        schedule()
      },
      get: job => queue.get(job)?.candidate,
      open: queue.all,
      checked(job) {
        const known = queue.get(job)
        if (known !== undefined) known.checkedMs = clock.steadyMs()
      },
      size: () => queue.size,
      waiting: () => queue.waiting
    }
  }
}
