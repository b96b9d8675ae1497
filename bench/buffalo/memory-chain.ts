import type {
  ChainReader,
  Hex,
  Job,
  JobReference,
  NetworkIdentity,
  PeerKey
} from '../../src/interface/index.js'
import { DataLocation, JobStatus, ModelCategory } from '../../src/interface/index.js'
import type { JobRow } from '../../src/subgraph/rows.js'

export const network: NetworkIdentity = {
  chainId: 31337,
  oracle: `0x${'b0'.repeat(20)}`,
  registry: `0x${'b1'.repeat(20)}`
}
/** The one model of all workers. It does nothing. */
export const model = 'bafybench'

/** Jobs are open for an hour: longer than any run. */
const DEADLINE_MS = 3_600_000
const word = (n: bigint): Hex => `0x${n.toString(16).padStart(64, '0')}`

/** The log of the n-th job, one in each block, as the subgraph tells of it. */
export function jobRow(jobId: bigint): JobRow {
  return {
    id: word(jobId),
    status: 'Open',
    blockNumber: Number(jobId),
    blockHash: word(jobId << 128n),
    txHash: word(jobId << 64n),
    logIndex: 0,
    dataHash: word((jobId << 32n) + 1n)
  }
}

/** What one worker sees of the chain. The real one costs requests; this one answers at once, from memory. */
export interface MemoryChain extends ChainReader {
  /** These jobs are final. True for those that were not. */
  finalise(jobIds: bigint[]): boolean
}

/** The reference of a job says all of it, so that the processes need no chain between them. */
export function memoryChain(registry: [account: Hex, key: PeerKey][]): MemoryChain {
  const keys = new Map(registry.map(([account, key]) => [account.toLowerCase(), key]))
  const final = new Set<bigint>()
  const status = (jobId: bigint): JobStatus => (final.has(jobId) ? JobStatus.Succeeded : JobStatus.Open)
  return {
    verifyJobs: async references =>
      references.map(reference => {
        const { id, dataHash } = jobRow(reference.jobId)
        return id === word(reference.jobId) && dataHash === reference.dataHash
          ? { kind: 'found', job: jobOf(reference), status: status(reference.jobId) }
          : { kind: 'missing', reason: 'no such log' }
      }),
    jobStatuses: async jobIds => jobIds.map(status),
    peerKeysOf: async accounts => accounts.map(account => keys.get(account.toLowerCase())),
    finalise(jobIds) {
      const before = final.size
      for (const jobId of jobIds) final.add(jobId)
      return final.size > before
    }
  }
}

function jobOf(reference: JobReference): Job {
  const nowMs = Date.now()
  return {
    ...reference,
    model: `0x${'b2'.repeat(20)}`,
    client: `0x${'b3'.repeat(20)}`,
    category: ModelCategory.ImageToText,
    seed: '0x',
    manifestLocation: `ipfs://${model}`,
    inputLocation: DataLocation.OnChain,
    input: '0x',
    outputLocation: DataLocation.OnChain,
    outputFormat: 0,
    createdAtMs: nowMs,
    deadlineMs: nowMs + DEADLINE_MS,
    redundancy: 1,
    requestHash: word(reference.jobId + (1n << 200n))
  }
}
