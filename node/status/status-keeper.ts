import type { RpcHealth } from '../../src/chain/rpc.js'
import {
  type Address,
  BuffaloError,
  type Clock,
  type Logger,
  type NodeEvent,
  type Timer
} from '../../src/interface/index.js'
import type { SequencerStatus } from '../../src/sequencer.js'
import type { WorkerStatus } from '../../src/worker.js'
import { maxAddresses, maxTextLength, type NodeState, type NodeStatus } from './node-status.js'
import { problemsOf } from './problems.js'
import type { StatusFile } from './status-file.js'

/** Between two writes of the file. Whoever reads it takes a node for dead that missed several. */
export const writeIntervalMs = 5_000
/** Between two looks whether a problem has come or gone, which is written at once. Some ten microseconds each. */
const lookIntervalMs = 1_000
/** Between two lines in the log. A disk that is full now and then is told of no more often, either. */
const reportIntervalMs = 3_600_000

/** The parts of a node that have something to tell. */
export interface StatusParts {
  network: { peers(): unknown[]; addresses(): string[] }
  chain: { health(): RpcHealth }
  disk: { isWritable(): boolean }
  sequencer: { status(): SequencerStatus }
  worker: { status(): WorkerStatus; models(): string[]; account: Address; capacity: number }
}

export interface StatusKeeperInit
  extends Pick<NodeStatus, 'pid' | 'host' | 'version' | 'role' | 'peerId' | 'network'> {}

export interface StatusKeeperComponents {
  file: StatusFile
  clock: Clock
  logger: Logger
  /** Of this process, in bytes. */
  rss(): number
}

/** Knows how the node is, and tells it to its status file and, once an hour, to the log. */
export interface StatusKeeper {
  /** The parts, as they come to be. */
  add(parts: Partial<StatusParts>): void
  /** Counts what happens to jobs. */
  onEvent(event: NodeEvent): void
  /** What the start is at, for who waits for it: `waiting for the chain`. */
  onStep(step: string): void
  onReady(): void
  onStopping(): void
  /** The error that ends the node. The first one counts. */
  onFailure(err: unknown): void
  status(): NodeStatus
  /** Resolves when the file is written, or cannot be. */
  start(): Promise<void>
  /** Leaves the last word: it ended. Safe to repeat. */
  stop(): Promise<void>
}

export function statusKeeper(init: StatusKeeperInit): (components: StatusKeeperComponents) => StatusKeeper {
  return ({ file, clock, logger, rss }) => {
    const startedAtMs = clock.now()
    const parts: Partial<StatusParts> = {}
    const events: Record<string, number> = {}
    let state: NodeState = 'starting'
    let step: string | null = null
    let failure: NodeStatus['failure'] = null
    let readyAtMs: number | null = null
    let writer: Timer | undefined
    let reporter: Timer | undefined
    let writing: Promise<void> | undefined
    let isOutdated = false
    /** As last handed to the file. */
    let told: { atMs: number; problems: string } | undefined
    let isFailing = false
    let complainedMs = Number.NEGATIVE_INFINITY

    function status(): NodeStatus {
      const nowMs = clock.now()
      const health = parts.chain?.health()
      const working = parts.worker?.status()
      const submission = working?.submission
      const shown = {
        readyAtMs,
        peers: parts.network?.peers().length ?? 0,
        chain: health
          ? {
              answeredMs: health.answeredMs ?? null,
              isDown: health.isDown,
              blockNumber: submission?.account?.blockNumber ?? null
            }
          : null,
        sequencer: parts.sequencer ? sequencerOf(parts.sequencer.status()) : null
      }
      const problems = problemsOf(shown, {
        nowMs,
        isWritable: parts.disk?.isWritable() ?? true,
        quietUntilMs: working?.quietUntilMs ?? 0,
        isClockRight: working?.isClockRight ?? true,
        submitProblems: submission?.problems ?? []
      })
      return {
        format: 1,
        ...init,
        state,
        step,
        failure,
        startedAtMs,
        writtenAtMs: nowMs,
        addresses: parts.network?.addresses().slice(0, maxAddresses) ?? [],
        ...shown,
        rssBytes: rss(),
        events: { ...events },
        // Before, what is missing is only not there yet.
        problems: state === 'ready' ? problems : [],
        worker: parts.worker && working ? workerOf(parts.worker, working) : null
      }
    }

    /** Writes what is true now, after what is being written. Never rejects: a node does not end for this. */
    function write(): Promise<void> {
      isOutdated = true
      writing ??= writeAll()
      return writing
    }

    async function writeAll(): Promise<void> {
      while (isOutdated) {
        isOutdated = false
        try {
          const latest = status()
          told = { atMs: latest.writtenAtMs, problems: latest.problems.join() }
          await file.write(latest)
          if (isFailing) logger.debug({}, 'the status file is written again')
          isFailing = false
        } catch (err) {
          complain(err)
        }
      }
      writing = undefined
    }

    function complain(err: unknown): void {
      const isTold = isFailing || clock.now() - complainedMs < reportIntervalMs
      isFailing = true
      if (isTold) return
      complainedMs = clock.now()
      logger.warn(
        { err },
        '`buffalo-node status` cannot tell how this node is: its status file cannot be written. The node goes on all the same'
      )
    }

    function keepWriting(): void {
      writer = clock.schedule(lookIntervalMs, () => {
        const { problems, writtenAtMs: nowMs } = status()
        // The clock may have been set back.
        const isDue = told === undefined || Math.abs(nowMs - told.atMs) >= writeIntervalMs
        if (isDue || problems.join() !== told?.problems) void write()
        keepWriting()
      })
    }

    /** `before`: the counts as they were an hour before. */
    function keepReporting(before: Record<string, number>): void {
      reporter = clock.schedule(reportIntervalMs, () => {
        logger.info(hourlyNumbers(status(), before), 'the last hour of this node')
        keepReporting({ ...events })
      })
    }

    return {
      add: more => Object.assign(parts, more),
      onEvent({ type }) {
        events[type] = (events[type] ?? 0) + 1
      },
      onStep(next) {
        step = next
        void write()
      },
      onReady() {
        state = 'ready'
        step = null
        readyAtMs = clock.now()
        void write()
      },
      onStopping() {
        if (state === 'stopped') return
        state = 'stopping'
        step = null
        void write()
      },
      onFailure(err) {
        failure ??= {
          code: err instanceof BuffaloError ? err.code : 'BUFFALO_ERR_UNEXPECTED',
          message: plain(err instanceof Error ? err.message : String(err))
        }
      },
      status,
      start() {
        if (writer !== undefined) return Promise.resolve()
        keepWriting()
        keepReporting({})
        return write()
      },
      async stop() {
        if (state === 'stopped') return
        writer?.cancel()
        reporter?.cancel()
        state = 'stopped'
        await write()
      }
    }
  }
}

function sequencerOf(status: SequencerStatus): NodeStatus['sequencer'] {
  return {
    openJobs: status.openJobs,
    blockNumber: status.blockNumber ?? null,
    subgraphReadMs: status.subgraphReadMs ?? null,
    hasIndexingErrors: status.hasIndexingErrors
  }
}

function workerOf(
  { account, capacity, models }: StatusParts['worker'],
  { openJobs, heldJobs, runningJobs, peers, leases, submission }: WorkerStatus
): NodeStatus['worker'] {
  return {
    account,
    models: models().length,
    capacity,
    openJobs,
    heldJobs,
    runningJobs,
    workers: peers,
    leases,
    waitingResults: submission?.waitingResults ?? 0,
    pendingTransactions: submission?.pendingTransactions ?? 0,
    balanceWei: submission?.account?.balanceWei.toString() ?? null,
    balanceAtMs: submission?.account?.atMs ?? null,
    payWei: submission?.payWei?.toString() ?? null
  }
}

/** The main numbers, and what happened since the counts `before`. */
function hourlyNumbers(status: NodeStatus, before: Record<string, number>): Record<string, unknown> {
  const { state, problems, peers, chain, rssBytes, events, sequencer, worker } = status
  const happened = Object.entries(events)
    .map(([type, total]): [string, number] => [type, total - (before[type] ?? 0)])
    .filter(([, number]) => number > 0)
  return {
    state,
    problems,
    peers,
    blockNumber: sequencer?.blockNumber ?? chain?.blockNumber ?? undefined,
    openJobs: (sequencer ?? worker)?.openJobs,
    ...(worker && {
      heldJobs: worker.heldJobs,
      runningJobs: worker.runningJobs,
      workers: worker.workers,
      waitingResults: worker.waitingResults,
      pendingTransactions: worker.pendingTransactions,
      balanceWei: worker.balanceWei
    }),
    rssBytes,
    happened: Object.fromEntries(happened)
  }
}

/** As the file may hold it. */
function plain(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ').slice(0, maxTextLength)
}
