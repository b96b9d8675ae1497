import { LRUCache } from 'lru-cache'
import { resultRepository } from './db/repositories/result.js'
import { jobRunner } from './execute/job-runner.js'
import { clockWatch } from './gossip/clock-watch.js'
import { gossip } from './gossip/gossip.js'
import { topicOf } from './gossip/topic.js'
import type {
  Candidate,
  Hex,
  Job,
  JobKey,
  JobReference,
  PeerKey,
  Result,
  ResultNotice,
  SubmissionOutcome
} from './interface/index.js'
import { ReleaseReason, SubmissionStatus } from './interface/index.js'
import { finality } from './job/finality.js'
import { handOver } from './job/hand-over.js'
import { type Intake, intake } from './job/intake.js'
import { jobKey } from './job/job-key.js'
import { openWatch } from './job/open-watch.js'
import { runningJobs } from './job/running-jobs.js'
import { leaseStage } from './lease/lease-stage.js'
import { score, scoreFraction } from './lease/score.js'
import { jobIndex, sync } from './sync/index.js'
import { syncPeerLimits } from './sync-limits.js'

import type { Worker, WorkerComponents, WorkerInit } from './worker-types.js'

export type { Worker, WorkerComponents, WorkerInit, WorkerStatus } from './worker-types.js'

/** Checked jobs that wait for their turn here; the rest of a backlog waits unchecked. A second of work of a fast network. */
const MAX_WAITING = 2_000
/** When as many as one look at the chain covers may come in, more are checked: not one by one, as jobs end. */
const ROOM_STEP = 500
/**
 * Leases that a result may take to the chain before the job is left to others: a minute by default, twice what it takes with
 * blocks of 12 s and results that wait to go together. As long, a holder waits for a chain that does not answer.
 */
const HAND_OVER_LEASES = 6
/** Requests whose results are kept in mind after the chain has decided: as many as are mined in the depth of a reorg. */
const MAX_DECIDED = 10_000

/** A worker: checks announced jobs, claims its share, runs them and carries the results to the chain. */
export function worker(init: WorkerInit): (components: WorkerComponents) => Worker {
  const { network, timing, account, capacity, isContinuous = true } = init
  return components => {
    const { pubsub, privateKey, database, chain, executor, catalog, content, createSubmitter } = components
    const { clock, random = Math.random, logger, emit } = components
    const self: PeerKey = Buffer.from(privateKey.publicKey.raw).toString('hex')
    const results = resultRepository(database)
    /** Results that the chain has decided on: of use again if a reorg takes the decision back. */
    const decided = new LRUCache<Hex, true>({ max: MAX_DECIDED })
    const running = runningJobs({ onEnded: () => claims.onRoom() })({ clock })
    let state: 'new' | 'started' | 'stopping' | 'stopped' = 'new'

    /** The open jobs, checked or not, as others may ask for them. */
    const known = jobIndex()
    /** The latest, as it was sent. */
    let ownPresence: Uint8Array[] = []

    // 1. Jobs arrive by gossip and sync and are checked against the chain.
    const topics = gossip({ network, timing, workers: () => leases.roster.size() })({
      pubsub,
      privateKey,
      clock,
      logger: logger.child({ name: 'gossip' }),
      jobKeyOf: reference => jobKey(network, reference),
      handlers: {
        onJobs: (references, author) => jobs.announce(references, author),
        onLeases(batch, author, envelope) {
          leases.listener.onLeases(batch, author, envelope)
          for (const { job, release } of batch) if (release !== undefined) jobs.onReleased(job)
        },
        onResults: (notices, author) => onResults(notices, author),
        onPresence: (...presence) => leases.listener.onPresence(...presence),
        onUntimelyPresence: presence => leases.listener.onUntimelyPresence(presence),
        onOwnLeases: (batch, envelope) => {
          for (const lease of batch) if (isKnown(lease.job)) leases.book.add(lease, envelope)
        },
        onOwnPresence: envelope => {
          ownPresence = [envelope]
        },
        onProof: proof => leases.listener.onProof(proof),
        isShunned: author => leases.shunned.has(author),
        isProven: (author, kind) =>
          author === self || leases.roster.isRegistered(author) || (kind === 'jobs' && jobs.isProven(author)),
        canAsk: chain.isAnswering ?? (() => true),
        isKnownJob: job => isKnown(job)
      }
    })
    const jobs: Intake = intake({
      network,
      onOpen,
      has: job => claims.get(job) !== undefined,
      room() {
        const free = MAX_WAITING - claims.waiting()
        return free < ROOM_STEP ? 0 : free
      },
      heldUntilMs(job) {
        const holder = leases.book.holder(job, clock.now())
        return holder === undefined || holder.worker === self ? undefined : holder.expiresMs
      },
      // By this node's place among all workers: which of them can run the job is not known yet.
      priority: job => scoreFraction(score(job, self)),
      onWaiting: reference => known.add(reference),
      onDropped(job, isFinal) {
        leases.book.forget(job)
        known.remove(job, isFinal)
      }
    })({ chain, clock, logger: logger.child({ name: 'intake' }), emit })
    const settled = finality({ onFinal })({ chain, clock, logger: logger.child({ name: 'finality' }) })
    const watch = openWatch({
      open: () => claims.open(),
      onOpen: job => claims.checked(job),
      onFinal,
      onGone
    })({ chain, clock, logger: logger.child({ name: 'watch' }) })

    // 2. The best worker for a job claims it, by a clock that agrees with the others'.
    const watching = { clock, random, logger: logger.child({ name: 'clock' }) }
    const watchedClock = clockWatch({ timing, onChange: () => leases.onGateChange() })(watching)
    const leases = leaseStage({
      self,
      account,
      timing,
      isContinuous,
      unservedAfterMs: init.unservedAfterMs,
      models: () => catalog.models(),
      isComing: model => catalog.isComing?.(model) ?? false,
      // Work that could not be handed in is not begun.
      capacity: () => (state === 'started' && (submitter.canSubmit?.() ?? true) ? capacity : 0),
      load: () => running.size,
      hasPeers: () => pubsub.subscribers(topicOf(network, 'presence')).length > 0,
      onAcquired,
      onLost: job => running.abort(job),
      onFinal,
      onGone: ({ reference }) => onGone(reference),
      onPast,
      isPending: job => jobs.isPending(job)
    })({ gossip: topics, database, chain, clockWatch: watchedClock, clock, random, logger, emit })
    const { claims, own } = leases

    const syncing =
      components.sync &&
      sync()({
        transport: components.sync,
        jobs: known,
        source: {
          leases: () => leases.book.envelopes(clock.now()),
          presences: limit => [...ownPresence, ...leases.roster.envelopes(limit - 1)],
          proofs: () => leases.shunned.proofs()
        },
        sink: {
          onJobs: (references, peer) => jobs.announce(references, peer, { isAsked: true }),
          onClosed: closed => settled.check(closed),
          onEnvelope: topics.admit,
          onProof: topics.admitProof
        },
        codec: topics.jobCodec,
        limits: syncPeerLimits({ clock }),
        clock,
        random,
        logger: logger.child({ name: 'sync' })
      })

    // 3. The winner runs the model; the result is stored, then submitted.
    const runner = jobRunner({ patienceMs: HAND_OVER_LEASES * timing.leaseMs })({
      chain,
      content,
      contracts: components.contracts,
      executor,
      catalog,
      database,
      clock,
      logger: logger.child({ name: 'execute' }),
      emit
    })
    const submitter = createSubmitter({ onOutcome, onCanSubmit })
    const submitting = handOver({ afterMs: HAND_OVER_LEASES * timing.leaseMs, onOverdue })({ clock })

    const isKnown = (job: JobKey): boolean => claims.get(job) !== undefined || jobs.isPending(job)

    function onOpen(job: Job, reference: JobReference): void {
      const { manifestLocation, deadlineMs } = job
      claims.add({ reference, model: catalog.resolve(manifestLocation), deadlineMs })
      watch.onAdded(reference)
      topics.jobsKnown([job.key])
      if (decided.has(job.requestHash)) {
        reuse(job).catch(err =>
          logger.warn({ err, jobId: job.jobId }, 'an earlier result could not be read; the job is run again')
        )
      }
    }

    /** A reorg took back what the chain had decided: the result is sent again, whoever has the lease now. */
    async function reuse({ key, jobId, requestHash }: Job): Promise<void> {
      const stored = await results.get(requestHash)
      if (stored === undefined) return
      const result = { ...stored.result, job: key, jobId }
      await database.batch([results.put(requestHash, { result, settled: false })], { sync: true })
      submitter.enqueue(result)
    }

    /** Only workers have news of results: others could keep this node asking the chain in vain. */
    function onResults(notices: ResultNotice[], author: PeerKey): void {
      if (leases.roster.isRegistered(author)) settled.check(notices.filter(({ job }) => isKnown(job)))
    }

    function onAcquired(candidate: Candidate): void {
      running.start(candidate.reference.key, signal =>
        run(candidate, signal).catch(err => giveUp(candidate, err, signal))
      )
    }

    async function run(candidate: Candidate, signal: AbortSignal): Promise<void> {
      const { reference } = candidate
      const ending = await runner.run(reference, signal)
      if (ending.kind === 'done') {
        submitter.enqueue(ending.result)
        submitting.start(candidate)
      } else if (ending.kind === 'final') onFinal(reference.key)
      else onGone(reference)
    }

    /** The result is sent all the same, as soon as it can be. Whoever comes first is paid. */
    function onOverdue({ reference: { key, jobId } }: Candidate): void {
      if (own.held(key) === undefined) return
      logger.warn({ jobId }, 'a result does not reach the chain from here; its job is left to other workers')
      void release(key, jobId, ReleaseReason.Failed)
    }

    /** The work was stopped, or this node's own means failed: nothing is known of the job, others may try. */
    async function giveUp({ reference }: Candidate, err: unknown, signal: AbortSignal): Promise<void> {
      const { key, jobId } = reference
      emit({ type: 'execution:aborted', job: key, jobId, atMs: clock.now() })
      const isStopping = state !== 'started'
      // Stopped because the lease was lost, ran out or is not needed any more: there is nothing to give up.
      if (signal.aborted && !isStopping) return
      if (!signal.aborted)
        logger.error({ err, jobId }, 'a job could not be run here; it is left to other workers')
      await release(key, jobId, isStopping ? ReleaseReason.ShuttingDown : ReleaseReason.Failed)
    }

    async function release(job: JobKey, jobId: bigint, reason: ReleaseReason): Promise<void> {
      await own
        .release(job, reason)
        .catch(err => logger.warn({ err, jobId }, 'a lease could not be released'))
      claims.onFailed(job)
    }

    // 4. The chain decides.
    function onOutcome(result: Result, outcome: SubmissionOutcome): void {
      const { job, jobId, requestHash } = result
      decided.set(requestHash, true)
      if (outcome.kind === 'accepted') {
        // First, as others wait for it.
        topics
          .publishResults([{ job, jobId, txHash: outcome.txHash }])
          .catch(err =>
            logger.debug({ err, jobId }, 'a result could not be announced; others find it on chain')
          )
        onFinal(job)
      } else if (isGone(outcome.status)) {
        onGone({ key: job, jobId })
      } else {
        onFinal(job)
      }
      database
        .batch([results.put(requestHash, { result, settled: true })])
        .catch(err =>
          logger.error(
            { err, jobId },
            'a settled result could not be marked; it is looked up again at the next start'
          )
        )
    }

    /** Others rank without a worker that has no room; one that has room again looks at what waits. */
    function onCanSubmit(): void {
      if (state !== 'started') return
      leases.presence.refresh()
      claims.onRoom()
    }

    /** The chain does not hold the job any more. After a reorg it may be announced again, under another key. */
    function onGone(reference: Pick<JobReference, 'key' | 'jobId'>): void {
      const { key, jobId } = reference
      leave(key)
      known.remove(key)
      own
        .release(key, ReleaseReason.Orphaned)
        .then(() => own.forget(key))
        .catch(err => logger.warn({ err, jobId }, 'a lease could not be released'))
    }

    function onFinal(job: JobKey): void {
      const candidate = leave(job)
      jobs.close(job)
      known.remove(job, true)
      own.forget(job).catch(err => logger.warn({ err }, 'a lease of a finished job could not be deleted'))
      if (candidate !== undefined) {
        emit({ type: 'job:final', job, jobId: candidate.reference.jobId, atMs: clock.now() })
      }
    }

    /** Nobody can finish it any more, and it will not come back. */
    function onPast(job: JobKey): void {
      leave(job)
      jobs.closePast(job)
      known.remove(job)
      own.forget(job).catch(err => logger.warn({ err }, 'a lease of a past job could not be deleted'))
    }

    function leave(job: JobKey): Candidate | undefined {
      const candidate = claims.get(job)
      if (candidate !== undefined) watch.onRemoved(candidate.reference)
      claims.remove(job)
      running.abort(job)
      submitting.end(job)
      jobs.onRoom()
      return candidate
    }

    /** Takes up what an earlier run left: stored results that the chain has not decided on, and leases that still hold. */
    async function recover(): Promise<void> {
      for await (const { result, settled: isSettled } of results.values()) {
        if (isSettled) decided.set(result.requestHash, true)
        else submitter.enqueue(result)
      }
      for (const entry of await own.recover()) {
        logger.info({ jobId: entry.reference.jobId }, 'taking up a job from before the restart')
        watch.onAdded(entry.reference)
        known.add(entry.reference)
        claims.adopt(entry, entry.lease)
      }
    }

    async function drain(): Promise<void> {
      const deadlineMs = clock.now() + init.drainMs
      if (running.size > 0) logger.info({ jobs: running.size }, 'finishing the running jobs')
      await running.idle(init.drainMs)
      running.abortAll()
      await submitter.drain(Math.max(0, deadlineMs - clock.now()))
    }

    return {
      async start() {
        if (state !== 'new') return
        state = 'started'
        await executor.start()
        await submitter.start()
        await topics.start()
        await recover()
        if (state !== 'started') return
        watch.start()
        leases.start()
        await syncing?.start()
      },
      async stop() {
        if (state !== 'started') return
        state = 'stopping'
        // From here on presence says that there is no room.
        await leases.stopClaiming()
        await drain()
        submitting.stop()
        await leases.stop()
        await syncing?.stop()
        watch.stop()
        jobs.stop()
        settled.stop()
        await topics.stop()
        await submitter.stop()
        await executor.stop()
        state = 'stopped'
      },
      status: () => ({
        openJobs: known.size,
        heldJobs: own.jobs().length,
        runningJobs: running.size,
        peers: leases.roster.size(),
        leases: leases.book.size,
        quietUntilMs: own.quietUntilMs(),
        isClockRight: watchedClock.isRight(),
        submission: submitter.status?.()
      }),
      isRegistered: peer => leases.roster.isRegistered(peer),
      holder: job => leases.book.holder(job, clock.now())?.worker
    }
  }
}

/** The chain does not know this request (any more): after a reorg it may come back under another key. */
const isGone = (status: SubmissionStatus): boolean =>
  status === SubmissionStatus.UnknownJob || status === SubmissionStatus.WrongRequest
