import type { PrivateKey } from '@libp2p/interface'
import { resultRepository } from './db/repositories/result.js'
import { jobRunner } from './execute/job-runner.js'
import { gossip } from './gossip/gossip.js'
import { topicOf } from './gossip/topic.js'
import type {
  Address,
  Candidate,
  ChainReader,
  Clock,
  Database,
  EmitEvent,
  ExecutionRequest,
  Executor,
  Job,
  JobKey,
  JobReference,
  Lease,
  LeaseTiming,
  Logger,
  ModelCatalog,
  NetworkIdentity,
  PeerKey,
  Presence,
  PubSub,
  Result,
  Startable,
  SubmissionOutcome,
  Submitter,
  SubmitterHandlers
} from './interface/index.js'
import { ReleaseReason, SubmissionStatus } from './interface/index.js'
import { finality } from './job/finality.js'
import { intake } from './job/intake.js'
import { jobKey } from './job/job-key.js'
import { claimGate } from './lease/claim-gate.js'
import { claimer } from './lease/claimer.js'
import { leaseBook } from './lease/lease-book.js'
import { ownLeases } from './lease/own-leases.js'
import { presencePublisher } from './lease/presence.js'
import { roster } from './lease/roster.js'
import { waitingLeases } from './lease/waiting-leases.js'

export interface WorkerInit {
  network: NetworkIdentity
  timing: LeaseTiming
  /** The account that the registry binds to this node's key. */
  account: Address
  /** How many jobs run at once. */
  capacity: number
  /** How long a job that no live worker can run waits before it is failed. */
  unservedAfterMs: number
  /**
   * Whether the database is known to hold all that this node's key has signed (`OpenedDatabase.isContinuous`): if not, nothing
   * is claimed until earlier leases have run out. True by default.
   */
  isContinuous?: boolean
  /** On shutdown, running jobs and unconfirmed submissions have this long to end. */
  drainMs: number
}

export interface WorkerComponents {
  pubsub: PubSub
  /** The node's Ed25519 key. */
  privateKey: PrivateKey
  database: Database
  chain: ChainReader
  executor: Executor
  catalog: ModelCatalog
  content: { resolveInput(job: Job, signal: AbortSignal): Promise<ExecutionRequest['input']> }
  createSubmitter(handlers: SubmitterHandlers): Submitter
  clock: Clock
  logger: Logger
  emit: EmitEvent
}

export interface WorkerStatus {
  openJobs: number
  heldJobs: number
  runningJobs: number
  /** Other live workers. */
  peers: number
}

export interface Worker extends Startable {
  status(): WorkerStatus
}

/** A worker: checks announced jobs, claims its share, runs them and carries the results to the chain. */
export function worker(init: WorkerInit): (components: WorkerComponents) => Worker {
  const { network, timing, account, capacity, isContinuous = true } = init
  return ({
    pubsub,
    privateKey,
    database,
    chain,
    executor,
    catalog,
    content,
    createSubmitter,
    clock,
    logger,
    emit
  }) => {
    const self: PeerKey = Buffer.from(privateKey.publicKey.raw).toString('hex')
    const results = resultRepository(database)
    const running = new Map<JobKey, AbortController>()
    let state: 'new' | 'started' | 'stopping' | 'stopped' = 'new'
    let idle: () => void = () => {}

    // 1. Jobs arrive by gossip and are checked against the chain.
    const topics = gossip({ network, timing })({
      pubsub,
      privateKey,
      clock,
      logger: logger.child({ name: 'gossip' }),
      jobKeyOf: reference => jobKey(network, reference),
      handlers: {
        onJobs: references => jobs.announce(references),
        onLeases: (leases, author) => onLeases(leases, author),
        onResults: notices => settled.check(notices.filter(({ job }) => isKnown(job) || jobs.isPending(job))),
        onPresence: presence => {
          onPresence(presence).catch(err => logger.debug({ err }, 'a presence message could not be checked'))
        },
        isKnownJob: job => isKnown(job)
      }
    })
    const jobs = intake({ network, onOpen, has: job => isKnown(job) })({
      chain,
      clock,
      logger: logger.child({ name: 'intake' }),
      emit
    })
    const settled = finality({ onFinal })({ chain, clock, logger: logger.child({ name: 'finality' }) })

    // 2. The best worker for a job claims it.
    const book = leaseBook({ slotMs: timing.slotMs })
    const others = roster({ self, timing, claimsSince: book.claimsSince })({
      chain,
      clock,
      logger: logger.child({ name: 'roster' })
    })
    const strangers = waitingLeases()
    const own = ownLeases({ self, timing, isContinuous, onExpired: job => claims.onExpired(job) })({
      database,
      gossip: topics,
      clock,
      logger: logger.child({ name: 'leases' }),
      emit
    })
    const gate = claimGate({ timing, onListened: () => claims.start(), onChange: () => onGateChange() })({
      database,
      own,
      hasPeers: () => pubsub.subscribers(topicOf(network, 'presence')).length > 0,
      clock
    })
    const claims = claimer({
      self,
      timing,
      unservedAfterMs: init.unservedAfterMs,
      canRun: model => catalog.models().includes(model),
      room: () => (state === 'started' && gate.isOpen() ? capacity - running.size : 0),
      onAcquired,
      onLost: job => running.get(job)?.abort(),
      onFinal
    })({ book, roster: others, own, chain, clock, logger: logger.child({ name: 'claimer' }), emit })
    const presence = presencePublisher({
      self,
      account,
      timing,
      models: () => catalog.models(),
      capacity: () => (state === 'started' && gate.opensSoon() ? capacity : 0),
      load: () => running.size
    })({ gossip: topics, clock, logger: logger.child({ name: 'presence' }) })

    // 3. The winner runs the model; the result is stored, then submitted.
    const runner = jobRunner()({
      chain,
      content,
      executor,
      catalog,
      database,
      clock,
      logger: logger.child({ name: 'execute' }),
      emit
    })
    const submitter = createSubmitter({ onOutcome })

    const isKnown = (job: JobKey): boolean => claims.get(job) !== undefined

    function onOpen(job: Job): void {
      claims.add(candidateOf(job))
      topics.jobsKnown([job.key])
    }

    function candidateOf(job: Job): Candidate {
      const { key, jobId, blockNumber, blockHash, txHash, logIndex, dataHash } = job
      const reference: JobReference = { key, jobId, blockNumber, blockHash, txHash, logIndex, dataHash }
      return { reference, model: catalog.resolve(job.manifestLocation), deadlineMs: job.deadlineMs }
    }

    /** A lease counts if its author is a registered worker; until its presence shows that, the lease waits. */
    function onLeases(leases: Lease[], author: PeerKey): void {
      if (author === self) return hearOwn(leases)
      if (others.isRegistered(author)) claims.onLeases(leases)
      else strangers.hold(author, leases)
    }

    /** From peers, and with this node's signature: of an earlier run, or of a twin. */
    function hearOwn(leases: Lease[]): void {
      own
        .heard(leases)
        .catch(err => logger.warn({ err }, 'leases of an earlier run could not be noted'))
        .finally(() => {
          claims.onLeases(leases)
          gate.recheck()
        })
    }

    async function onPresence(message: Presence): Promise<void> {
      const versionBefore = others.version()
      const isNew = await others.see(message)
      if (isNew) presence.answer()
      if (others.version() !== versionBefore) claims.onRosterChange()
      if (others.isRegistered(message.worker)) claims.onLeases(strangers.release(message.worker))
    }

    function onAcquired(candidate: Candidate): void {
      const { key } = candidate.reference
      const aborter = new AbortController()
      running.set(key, aborter)
      run(candidate, aborter.signal)
        .catch(err => giveUp(candidate, err, aborter.signal))
        .finally(() => {
          running.delete(key)
          if (running.size === 0) idle()
          claims.onRoom()
        })
    }

    async function run({ reference }: Candidate, signal: AbortSignal): Promise<void> {
      const ending = await runner.run(reference, signal)
      if (ending.kind === 'done') submitter.enqueue(ending.result)
      else if (ending.kind === 'final') onFinal(reference.key)
      else onGone(reference)
    }

    /** The work was stopped, or this node's own means failed: nothing is known of the job, others may try. */
    async function giveUp({ reference }: Candidate, err: unknown, signal: AbortSignal): Promise<void> {
      const { key, jobId } = reference
      emit({ type: 'execution:aborted', job: key, jobId, atMs: clock.now() })
      if (!signal.aborted)
        logger.error({ err, jobId }, 'a job could not be run here; it is left to other workers')
      const reason = state === 'started' ? ReleaseReason.Failed : ReleaseReason.ShuttingDown
      await own
        .release(key, reason)
        .catch(error => logger.warn({ err: error, jobId }, 'a lease could not be released'))
      claims.onExpired(key)
    }

    // 4. The chain decides.
    function onOutcome(result: Result, outcome: SubmissionOutcome): void {
      const { job, jobId, requestHash } = result
      database
        .batch([results.put(requestHash, { result, settled: true })])
        .catch(err =>
          logger.error(
            { err, jobId },
            'a settled result could not be marked; it is looked up again at the next start'
          )
        )
      if (outcome.kind === 'accepted') {
        onFinal(job)
        topics
          .publishResults([{ job, jobId, txHash: outcome.txHash }])
          .catch(err =>
            logger.debug({ err, jobId }, 'a result could not be announced; others find it on chain')
          )
      } else if (isGone(outcome.status)) {
        onGone({ key: job, jobId })
      } else {
        onFinal(job)
      }
    }

    /** The chain does not hold the job any more. After a reorg it may be announced again, under another key. */
    function onGone({ key, jobId }: Pick<JobReference, 'key' | 'jobId'>): void {
      claims.remove(key)
      running.get(key)?.abort()
      own
        .release(key, ReleaseReason.Orphaned)
        .catch(err => logger.warn({ err, jobId }, 'a lease could not be released'))
    }

    function onFinal(job: JobKey): void {
      const candidate = claims.get(job)
      jobs.close(job)
      claims.remove(job)
      running.get(job)?.abort()
      own.forget(job).catch(err => logger.warn({ err }, 'a lease of a finished job could not be deleted'))
      if (candidate !== undefined) {
        emit({ type: 'job:final', job, jobId: candidate.reference.jobId, atMs: clock.now() })
      }
    }

    /** Takes up what an earlier run left: stored results that the chain has not decided on, and leases that still hold. */
    async function recover(): Promise<void> {
      for await (const { result, settled: isSettled } of results.values())
        if (!isSettled) submitter.enqueue(result)
      for (const entry of await own.recover()) {
        logger.info({ jobId: entry.reference.jobId }, 'taking up a job from before the restart')
        claims.adopt(entry, entry.lease)
      }
    }

    /** Workers that fell silent leave the ranks. */
    function watchRoster(knownVersion: number): void {
      const version = others.version()
      if (version !== knownVersion) claims.onRosterChange()
      if (state === 'started') clock.schedule(timing.presenceIntervalMs, () => watchRoster(version))
    }

    async function drain(): Promise<void> {
      const deadlineMs = clock.now() + init.drainMs
      if (running.size > 0) {
        logger.info({ jobs: running.size }, 'finishing the running jobs')
        await new Promise<void>(resolve => {
          idle = resolve
          clock.schedule(init.drainMs, resolve)
        })
      }
      for (const aborter of running.values()) aborter.abort()
      await submitter.drain(Math.max(0, deadlineMs - clock.now()))
    }

    /** Others rank without a worker that is full. */
    function onGateChange(): void {
      if (state !== 'started') return
      presence.publish().catch(err => logger.debug({ err }, 'presence could not be published'))
      claims.onRoom()
    }

    return {
      async start() {
        if (state !== 'new') return
        state = 'started'
        await executor.start()
        await submitter.start()
        await topics.start()
        await recover()
        presence.start()
        watchRoster(others.version())
        gate.start()
      },
      async stop() {
        if (state !== 'started') return
        state = 'stopping'
        gate.stop()
        claims.stop()
        // From here on presence says that there is no room.
        await presence.publish().catch(err => logger.debug({ err }, 'presence could not be published'))
        await drain()
        presence.stop()
        await own.releaseAll(ReleaseReason.ShuttingDown)
        own.stop()
        jobs.stop()
        settled.stop()
        await topics.stop()
        await submitter.stop()
        await executor.stop()
        state = 'stopped'
      },
      status: () => ({
        openJobs: claims.size(),
        heldJobs: own.jobs().length,
        runningJobs: running.size,
        peers: others.size()
      })
    }
  }
}

/** The chain does not know this request (any more): after a reorg it may come back under another key. */
const isGone = (status: SubmissionStatus): boolean =>
  status === SubmissionStatus.UnknownJob || status === SubmissionStatus.WrongRequest
