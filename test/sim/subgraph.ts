import { SubgraphUnavailableError } from '../../src/interface/index.js'
import type { EntitySource, SubgraphClient } from '../../src/subgraph/index.js'
import type { JobRow, ResultRow } from '../../src/subgraph/rows.js'
import type { ChainJob, SimulatedChain } from './chain.js'
import type { Process } from './process.js'
import type { Random } from './random.js'

type Hex = `0x${string}`

/** What a subgraph does wrong, changed by the faults while the simulation runs. */
export interface SubgraphTrouble {
  isDown: boolean
  lagBlocks: number
}

export interface SubgraphInit {
  chain: SimulatedChain
  process: Process
  rng: Random
  trouble: SubgraphTrouble
  onError(): void
}

const LATENCY_MS = { min: 2, max: 15 }

const jobIdOf = (job: ChainJob): Hex => `0x${job.jobId.toString(16).padStart(64, '0')}`

/** The subgraph as a sequencer asks it: entities in order of creation, each page of one block. */
export function simulatedSubgraph(init: SubgraphInit): Pick<SubgraphClient, 'jobs' | 'results'> {
  const { chain, process, rng, trouble, onError } = init
  const upTo = (): number => Math.max(0, chain.headNumber() - trouble.lagBlocks)

  function source<Row extends { id: Hex; blockNumber: number; blockHash: Hex }>(
    all: (upToBlock: number) => Row[]
  ): EntitySource<Row> {
    async function ask<T>(read: (rows: Row[], blockNumber: number) => T, signal: AbortSignal): Promise<T> {
      await process.wait(rng.between(LATENCY_MS.min, LATENCY_MS.max))
      signal.throwIfAborted()
      if (trouble.isDown) {
        onError()
        throw new SubgraphUnavailableError('The simulated subgraph is down')
      }
      const blockNumber = upTo()
      return read(all(blockNumber), blockNumber)
    }
    const anchorOf = ({ id, blockNumber, blockHash }: Row) => ({ id, blockNumber, blockHash })
    return {
      page: ({ after, first }, signal) =>
        ask((rows, blockNumber) => {
          const anchor = rows.find(({ id }) => id === after)
          return {
            head: { blockNumber, hasIndexingErrors: false },
            anchor: anchor === undefined ? undefined : anchorOf(anchor),
            rows: rows.filter(({ id }) => after === undefined || id > after).slice(0, first)
          }
        }, signal),
      anchors: (ids, signal) =>
        ask(
          (rows, blockNumber) => ({
            head: { blockNumber, hasIndexingErrors: false },
            anchors: rows.filter(({ id }) => ids.includes(id)).map(anchorOf)
          }),
          signal
        )
    }
  }

  function jobRow(job: ChainJob, upToBlock: number): JobRow {
    const { blockNumber, blockHash, logIndex, dataHash, request, final } = job
    const isFinal = final !== undefined && final.blockNumber <= upToBlock
    const status = isFinal ? 'Succeeded' : 'Open'
    return { id: jobIdOf(job), status, blockNumber, blockHash, txHash: request.txHash, logIndex, dataHash }
  }

  function resultRow(job: ChainJob, upToBlock: number): ResultRow[] {
    const { final } = job
    if (final === undefined) return []
    const { blockNumber, blockHash, txHash, account, index } = final
    const id: Hex = `0x${blockNumber.toString(16).padStart(16, '0')}${index.toString(16).padStart(8, '0')}`
    return [
      {
        id,
        blockNumber,
        blockHash,
        txHash,
        success: true,
        worker: { id: account },
        job: jobRow(job, upToBlock)
      }
    ]
  }

  return {
    jobs: source(block =>
      chain
        .jobs()
        .filter(job => job.blockNumber <= block)
        .map(job => jobRow(job, block))
    ),
    results: source(block => chain.finals(block).flatMap(job => resultRow(job, block)))
  }
}
