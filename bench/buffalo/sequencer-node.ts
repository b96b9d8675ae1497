import type { PrivateKey } from '@libp2p/interface'
import type { Database, EmitEvent, Hex, Logger, PubSub } from '../../src/interface/index.js'
import { localTiming, systemClock } from '../../src/interface/index.js'
import { type Sequencer, sequencer } from '../../src/sequencer.js'
import type { JobRow, ResultRow } from '../../src/subgraph/rows.js'
import type { StreamInit, StreamOutcome } from '../contender.js'
import { jobRow, network } from './memory-chain.js'
import { type MemorySource, memorySource } from './memory-subgraph.js'

export interface SequencerNodeComponents {
  pubsub: PubSub
  privateKey: PrivateKey
  database: Database
  logger: Logger
  emit: EmitEvent
}

/** The real sequencer over a subgraph in memory, and the stopwatch beside it. */
export interface SequencerNode {
  service: Sequencer
  /** Results that this process heard by gossip and accepted. */
  onAcceptedResults(jobIds: bigint[]): void
  roundTrips(count: number): Promise<number[]>
  stream(init: StreamInit): Promise<StreamOutcome>
}

export function sequencerNode(): {
  create(components: SequencerNodeComponents): Sequencer
} & Omit<SequencerNode, 'service'> {
  const jobs: MemorySource<JobRow> = memorySource()
  const results: MemorySource<ResultRow> = memorySource()
  const waiting = new Set<bigint>()
  let lastJobId = 0n
  let lastResult = 0
  let onHeard: (() => void) | undefined

  /** Hands jobs to the sequencer: its reader is told of them by its subgraph. */
  function create(count: number): void {
    const rows: JobRow[] = []
    for (let n = 0; n < count; n++) {
      lastJobId++
      waiting.add(lastJobId)
      rows.push(jobRow(lastJobId))
    }
    jobs.add(rows)
  }

  return {
    create: components =>
      sequencer({ network, timing: localTiming, pollIntervalMs: 0 })({
        ...components,
        subgraph: { jobs, results },
        clock: systemClock
      }),

    onAcceptedResults(jobIds) {
      const heard = jobIds.filter(jobId => waiting.delete(jobId))
      if (heard.length === 0) return
      onHeard?.()
      results.add(heard.map(jobId => resultRow(++lastResult, jobId)))
    },

    async roundTrips(count) {
      const times: number[] = []
      for (let n = 0; n < count; n++) {
        const startMs = performance.now()
        await new Promise<void>(resolve => {
          onHeard = resolve
          create(1)
        })
        times.push(performance.now() - startMs)
      }
      return times
    },

    async stream({ seconds, jobs: most, inFlight }) {
      const startMs = performance.now()
      const endMs = startMs + seconds * 1_000
      let sent = 0
      await new Promise<void>(resolve => {
        const fill = (): void => {
          const room = Math.min(inFlight - waiting.size, performance.now() < endMs ? most - sent : 0)
          sent += room
          if (room > 0) create(room)
          if (waiting.size === 0) resolve()
        }
        onHeard = fill
        fill()
      })
      onHeard = undefined
      return { jobs: sent, elapsedMs: performance.now() - startMs }
    }
  }
}

function resultRow(n: number, jobId: bigint): ResultRow {
  const job = jobRow(jobId)
  return {
    id: `0x${n.toString(16).padStart(24, '0')}` satisfies Hex,
    // In order, as the subgraph's are; jobs end in any order.
    blockNumber: n,
    blockHash: job.blockHash,
    txHash: job.txHash,
    success: true,
    worker: null,
    job: { ...job, status: 'Succeeded' }
  }
}
