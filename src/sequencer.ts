import type { PrivateKey } from '@libp2p/interface'
import { LRUCache } from 'lru-cache'
import { cursorRepository } from './db/repositories/cursor.js'
import { jobRepository, type ReadJob } from './db/repositories/job.js'
import { clockWatch } from './gossip/clock-watch.js'
import { gossip } from './gossip/gossip.js'
import { registeredWorkers } from './gossip/registered-workers.js'
import type {
  BatchOperation,
  ChainReader,
  Clock,
  Database,
  EmitEvent,
  JobKey,
  JobReference,
  Lease,
  LeaseTiming,
  Logger,
  NetworkIdentity,
  PeerKey,
  PubSub,
  Startable,
  SyncTransport,
  Timer
} from './interface/index.js'
import { announcer } from './job/announcer.js'
import { announcers } from './job/announcers.js'
import { chainCheck } from './job/chain-check.js'
import { jobKey } from './job/job-key.js'
import {
  type FinalJob,
  type IndexedJob,
  jobReader,
  outage,
  resultReader,
  type SubgraphClient
} from './subgraph/index.js'

import { jobIndex, responder } from './sync/index.js'
import { syncPeerLimits } from './sync-limits.js'

/**
 * Open jobs that are kept, and final ones besides: as many as are told by sync (src/sync/limits.ts), or 1,000 in each of 256 blocks.
 * 600 bytes each. While so many are open, no more are read; of the final ones the oldest go.
 */
const MAX_JOBS = 250_000
/** Final jobs are kept for this many blocks: no chain of today goes back further. Ethereum finalises within 64 to 96. */
const REORG_DEPTH_BLOCKS = 256
/** A job is let go this long after its deadline by this node's clock, as that of the chain may be behind. */
const PAST_GRACE_MS = 60_000
/** How often the open jobs are looked through for those past their deadline. 100,000 take some milliseconds. */
const SWEEP_MS = 10_000
/** Registered workers that are remembered, as in a worker's roster. About 200 bytes each. */
const MAX_WORKERS = 10_000
/** A worker that has been silent for this many presence intervals counts as new when it is heard again. */
const FORGET_INTERVALS = 10
/**
 * For one worker, all open jobs are announced again at most this often, or a few liars that come and go could have them announced
 * without end. A worker that is back sooner asks by sync, as all do that join, and hears each job within 30 s.
 */
const WELCOME_REST_MS = 600_000

export interface SequencerInit {
  network: NetworkIdentity
  timing: LeaseTiming
  /** Between two looks at the subgraph. */
  pollIntervalMs: number
  /** Open jobs that are kept, and final ones besides. Default 250,000. */
  maxJobs?: number
}

export interface SequencerComponents {
  pubsub: PubSub
  /** The node's Ed25519 key. */
  privateKey: PrivateKey
  database: Database
  subgraph: Pick<SubgraphClient, 'jobs' | 'results'>
  /** Without it, workers learn of old jobs only as they are announced again. */
  sync?: SyncTransport
  /**
   * Tells workers from made-up keys, and whether the subgraph tells the truth. Without it, messages of all keys are passed on, none
   * is taken for a worker that joins, and all jobs of the subgraph are announced.
   */
  chain?: Pick<ChainReader, 'peerKeysOf' | 'jobStatuses' | 'verifyJobs' | 'isAnswering'>
  clock: Clock
  /** From 0 to below 1. */
  random?(): number
  logger: Logger
  emit: EmitEvent
}

export interface SequencerStatus {
  openJobs: number
  /** The block up to which the subgraph has been read; undefined before the first answer. */
  blockNumber: number | undefined
  /** When jobs were last read from the subgraph, in ms since the epoch; undefined before. */
  subgraphReadMs: number | undefined
  /** Whether the subgraph says of itself that entities may be missing. */
  hasIndexingErrors: boolean
}

export interface Sequencer extends Startable {
  status(): SequencerStatus
}

/** A sequencer: reads jobs from the subgraph, stores them, and gossips them until they are final. Nobody has to trust it. */
export function sequencer(init: SequencerInit): (components: SequencerComponents) => Sequencer {
  const { network, timing, pollIntervalMs, maxJobs = MAX_JOBS } = init
  return components => {
    const { pubsub, privateKey, database, subgraph, clock, random = Math.random, logger, emit } = components
    const repository = jobRepository(database)
    const keyOf = (reference: Omit<JobReference, 'key'>): JobKey => jobKey(network, reference)
    /** Final jobs that a reorg may open again. */
    const final = new Map<JobKey, ReadJob & { finalBlock: number }>()
    const open = new Map<JobKey, ReadJob>()
    /** When registered workers were last heard, and last had all open jobs announced again. */
    const joined = new LRUCache<PeerKey, { heardMs: number; welcomedMs: number }>({ max: MAX_WORKERS })
    /** The open jobs, as joining nodes ask for them. */
    const known = jobIndex()
    const clockLogger = logger.child({ name: 'clock' })
    const watchedClock = clockWatch({ timing })({ clock, random, logger: clockLogger })
    const workersLogger = logger.child({ name: 'workers' })
    const workers =
      components.chain &&
      registeredWorkers({ chain: components.chain, clockWatch: watchedClock, clock, logger: workersLogger })
    /** Other sequencers, by whether their jobs are those of the subgraph. */
    const others = announcers({ clock })
    let started = false
    let sweeper: Timer | undefined
    let unlisten: (() => void) | undefined

    // 1. Read: what the subgraph tells is stored and announced at once. Announcements do not wait for the disk, nor is it
    // synced: cursor and jobs are of one batch, so what a crash takes back is read again, and the chain holds it all.
    const readerLogger = logger.child({ name: 'reader' })
    const readerComponents = {
      subgraph,
      cursors: cursorRepository(database),
      logger: readerLogger,
      clock,
      random,
      outage: outage({ logger: readerLogger, clock })
    }
    const jobs = jobReader({ jobKey: keyOf, pollIntervalMs, room, onJobs: onIndexed, onReorg: onJobReorg })(
      readerComponents
    )
    const results = resultReader({ jobKey: keyOf, pollIntervalMs, onResults, onReorg: onResultReorg })(
      readerComponents
    )

    // 2. Look whether the chain shows them: what it does not is neither announced, nor kept in any number.
    const check =
      components.chain &&
      chainCheck({
        onShown: announce,
        onDoubted(job) {
          known.remove(job)
          announcements.remove(job)
        }
      })({ chain: components.chain, clock, random, logger: logger.child({ name: 'check' }) })

    // 3. Announce, again and again, until the job is final.
    const topics = gossip({ network, timing })({
      pubsub,
      privateKey,
      clock,
      logger: logger.child({ name: 'gossip' }),
      jobKeyOf: keyOf,
      handlers: {
        onJobs,
        onPresence(presence) {
          // One that the registry does not know yet says so again in an interval. Keys are free: of all others, nothing follows.
          if (workers?.see(presence)) onWorker(presence.worker)
        },
        onUntimelyPresence: presence => workers?.see(presence),
        isProven: (author, kind) =>
          workers === undefined || workers.has(author) || (kind === 'jobs' && others.isProvenName(author)),
        canAsk: components.chain?.isAnswering ?? (() => true),
        // A sequencer takes no side in who works on a job; it only remembers, for the timeline.
        onLeases,
        // It hears of results from the subgraph.
        onResults() {},
        isKnownJob: job => open.has(job)
      }
    })
    const announcements = announcer()({
      gossip: topics,
      clock,
      logger: logger.child({ name: 'announcer' }),
      emit
    })

    // 4. Tell who joins, or was apart. A sequencer itself asks nobody: it believes the subgraph alone, as far as the chain shows the same.
    const respond = responder({
      // Whose leases and presence count, only workers know: they ask the registry.
      source: { jobs: known, leases: undefined, presences: () => [], proofs: () => [] },
      codec: topics.jobCodec,
      limits: syncPeerLimits({ clock }),
      clock
    })

    async function onIndexed(read: IndexedJob[], saveCursor: BatchOperation): Promise<void> {
      // The result of a job may have been read before the job itself.
      const fresh = read
        .filter(job => job.isOpen && !isPast(job) && !final.has(job.reference.key))
        .map(({ reference, deadlineMs }) => ({ reference, deadlineMs, finalBlock: undefined }))
      const puts = fresh.map(job => repository.put(job.reference.key, job))
      const stored = database.batch([...puts, saveCursor])
      for (const job of fresh) {
        const { key, jobId } = job.reference
        // Where the disk did not take them, they come again.
        if (!open.has(key)) emit({ type: 'job:indexed', job: key, jobId, atMs: clock.now() })
        setOpen(job)
      }
      toCheck(fresh)
      await stored
    }

    async function onResults(read: FinalJob[], saveCursor: BatchOperation): Promise<void> {
      const headBlock = results.head()?.blockNumber ?? 0
      const operations: BatchOperation[] = [saveCursor]
      for (const { job, deadlineMs, blockNumber } of read) {
        close(job.key, true)
        if (blockNumber + REORG_DEPTH_BLOCKS > headBlock) {
          const entry = { reference: job, deadlineMs, finalBlock: blockNumber }
          final.set(job.key, entry)
          operations.push(repository.put(job.key, entry))
        } else {
          operations.push(repository.del(job.key))
        }
        emit({ type: 'job:final', job: job.key, jobId: job.jobId, atMs: clock.now() })
      }
      for (const [key, { finalBlock }] of final) {
        if (finalBlock + REORG_DEPTH_BLOCKS > headBlock && final.size <= maxJobs) break
        final.delete(key)
        operations.push(repository.del(key))
      }
      await database.batch(operations)
    }

    async function onJobReorg(fromJobId: bigint, saveCursor: BatchOperation): Promise<void> {
      const gone = [...open.values(), ...final.values()]
        .map(({ reference }) => reference)
        .filter(({ jobId }) => jobId >= fromJobId)
      await database.batch([...gone.map(({ key }) => repository.del(key)), saveCursor])
      for (const { key } of gone) {
        close(key, false)
        final.delete(key)
      }
    }

    async function onResultReorg(aboveBlock: number, saveCursor: BatchOperation): Promise<void> {
      const again = [...final.values()]
        .filter(({ finalBlock }) => finalBlock > aboveBlock)
        .map(job => ({ ...job, finalBlock: undefined }))
      const kept = again.slice(0, Math.max(0, maxJobs - open.size))
      if (kept.length < again.length)
        logger.warn(
          { jobs: again.length - kept.length },
          'too many jobs are open again: some are left to others'
        )
      const puts = again.map(({ reference: { key } }, index) => {
        const job = kept[index]
        return job === undefined ? repository.del(key) : repository.put(key, job)
      })
      await database.batch([...puts, saveCursor])
      for (const { reference } of again) final.delete(reference.key)
      for (const job of kept) setOpen(job)
      toCheck(kept)
    }

    /** Jobs that another sequencer announces. */
    function onJobs(references: JobReference[], author: PeerKey): void {
      announcements.heard(references.map(({ key }) => key))
      const other = others.get(author)
      for (const { key } of references) others.note(other, open.has(key) || final.has(key))
    }

    function setOpen(job: ReadJob): void {
      open.set(job.reference.key, job)
    }

    function room(): number {
      return Math.min(maxJobs - open.size, check?.room() ?? maxJobs)
    }

    function toCheck(read: ReadJob[]): void {
      const references = read.map(({ reference }) => reference)
      if (check === undefined) announce(references)
      else check.add(references)
    }

    function announce(references: JobReference[]): void {
      for (const reference of references) known.add(reference)
      announcements.add(references)
    }

    function isPast({ deadlineMs = Number.POSITIVE_INFINITY }: { deadlineMs?: number | undefined }): boolean {
      return deadlineMs + PAST_GRACE_MS <= clock.now()
    }

    /** Nobody can finish a job after its deadline: it would be announced until somebody reclaims it, perhaps for ever. */
    async function letPastGo(): Promise<void> {
      const past = [...open.values()].filter(isPast).map(({ reference }) => reference.key)
      for (const key of past) close(key, false)
      if (past.length > 0) await database.batch(past.map(repository.del))
    }

    function sweep(): void {
      watchedClock.check()
      letPastGo().catch(err =>
        logger.warn({ err }, 'past jobs could not be deleted; they are at the next start')
      )
      sweeper = clock.schedule(SWEEP_MS, sweep)
    }

    function close(job: JobKey, isFinal: boolean): void {
      open.delete(job)
      known.remove(job, isFinal)
      check?.remove(job)
      announcements.remove(job)
    }

    /** Of anyone: who is registered, a sequencer does not know. The timeline bounds what it keeps of one job. */
    function onLeases(leases: Lease[]): void {
      for (const { job, worker, startMs, expiresMs, sequence, release } of leases) {
        const reference = open.get(job)?.reference
        if (reference === undefined) continue
        const slot = Math.floor(startMs / timing.slotMs)
        const seen = { worker, slot, startMs, expiresMs, sequence, release }
        emit({ type: 'lease:seen', job, jobId: reference.jobId, atMs: clock.now(), ...seen })
      }
    }

    /** After a partition, those on the other side have not heard what was announced meanwhile. */
    function onConnect(): void {
      if (components.sync?.peers().length === 1) announcements.restart()
    }

    /** A worker that has just joined has heard of no job yet. */
    function onWorker(worker: PeerKey): void {
      const nowMs = clock.steadyMs()
      const before = joined.get(worker)
      const isNew =
        before === undefined || before.heardMs < nowMs - FORGET_INTERVALS * timing.presenceIntervalMs
      const isWelcome = isNew && (before === undefined || before.welcomedMs < nowMs - WELCOME_REST_MS)
      joined.set(worker, { heardMs: nowMs, welcomedMs: isWelcome ? nowMs : (before?.welcomedMs ?? nowMs) })
      if (isWelcome) announcements.restart()
    }

    async function recover(): Promise<void> {
      const lately: (ReadJob & { finalBlock: number })[] = []
      for await (const job of repository.values()) {
        const { finalBlock } = job
        if (finalBlock === undefined) setOpen(job)
        else lately.push({ ...job, finalBlock })
      }
      await letPastGo()
      // In order of finality, as `onResults` adds them and lets them go.
      lately.sort((a, b) => a.finalBlock - b.finalBlock)
      for (const job of lately) final.set(job.reference.key, job)
      if (open.size > 0) logger.info({ jobs: open.size }, 'announcing the open jobs of before the restart')
      toCheck([...open.values()])
    }

    return {
      async start() {
        if (started) return
        started = true
        await topics.start()
        await recover()
        await components.sync?.serve(peer => respond.accept(peer))
        unlisten = components.sync?.onConnect(onConnect)
        sweeper = clock.schedule(SWEEP_MS, sweep)
        await results.start()
        await jobs.start()
      },
      async stop() {
        if (!started) return
        started = false
        await jobs.stop()
        await results.stop()
        unlisten?.()
        await components.sync?.unserve()
        sweeper?.cancel()
        workers?.stop()
        check?.stop()
        announcements.stop()
        await topics.stop()
      },
      status: () => ({
        openJobs: open.size,
        blockNumber: jobs.head()?.blockNumber,
        subgraphReadMs: jobs.readMs(),
        hasIndexingErrors: jobs.head()?.hasIndexingErrors ?? false
      })
    }
  }
}
