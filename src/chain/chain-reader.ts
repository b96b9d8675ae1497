import { LRUCache } from 'lru-cache'
import type { Address, JobKey, PeerKey } from '../interface/bytes.js'
import type { ChainReader, JobVerdict } from '../interface/chain.js'
import type { Clock } from '../interface/clock.js'
import { ChainUnavailableError } from '../interface/errors.js'
import { type Job, type JobReference, JobStatus } from '../interface/job.js'
import type { NetworkIdentity } from '../interface/settings.js'
import { answering } from './answering.js'
import { oracleInterface, registryInterface } from './interfaces.js'
import { jobOfLog, readLog } from './job-log.js'
import { microBatcher } from './micro-batch.js'
import type { Rpc } from './rpc.js'
import { type RpcAnswer, type RpcCall, resultOf } from './rpc-call.js'

export interface ChainReaderInit {
  network: NetworkIdentity
  /** Verified jobs that are remembered, with their inputs. */
  jobCacheBytes?: number
}

export interface ChainReaderComponents {
  rpc: Rpc
  clock: Clock
  /** src/job/job-key.ts */
  jobKey(network: NetworkIdentity, reference: Omit<JobReference, 'key'>): JobKey
}

/** References or ids in one flight; the transport cuts them into requests of 100 calls. */
const MAX_ITEMS = 1_000
/** Ids in one eth_call: a cold storage read is 2,100 gas, so 500 stay near 1 million of geth's 50 million. */
const IDS_PER_CALL = 500
/** A few thousand jobs with small inputs. */
const JOB_CACHE_BYTES = 32 << 20
/** What a job takes beside its input, seed and location. */
const JOB_OVERHEAD_BYTES = 2_000
/** One entry is about 200 bytes, so 2 MB; ten thousand workers are beyond the network's goal. */
const MAX_PEER_KEYS = 10_000
/** A worker that registers anew is believed after this time at the latest. */
const PEER_KEY_TTL_MS = 30_000
/** Short, because a worker gossips right after it registers. */
const NO_PEER_KEY_TTL_MS = 3_000

const HASH = /^0x[0-9a-f]{64}$/
const quantity = (value: number) => `0x${value.toString(16)}`
const NO_KEY = `0x${'0'.repeat(64)}`

export function chainReader(init: ChainReaderInit): (components: ChainReaderComponents) => ChainReader {
  const { network } = init
  return ({ rpc: endpoint, clock, jobKey }) => {
    const rpc = answering({ rpc: endpoint, clock })
    const jobs = new LRUCache<JobKey, Job>({
      maxSize: init.jobCacheBytes ?? JOB_CACHE_BYTES,
      sizeCalculation: job =>
        JOB_OVERHEAD_BYTES + job.input.length + job.seed.length + job.manifestLocation.length
    })
    const peerKeys = new LRUCache<Address, { peerKey: PeerKey | undefined; expiresAtMs: number }>({
      max: MAX_PEER_KEYS
    })

    const statusBatcher = microBatcher({
      maxItems: MAX_ITEMS,
      run: async (jobIds: bigint[]) => {
        const calls = statusCalls(network.oracle, jobIds)
        return readStatuses(await rpc.send(calls), jobIds.length)
      }
    })
    const peerKeyBatcher = microBatcher({ maxItems: MAX_ITEMS, run: readPeerKeys })
    const verifyBatcher = microBatcher({ maxItems: MAX_ITEMS, run: verify })

    /** Nothing is asked of the chain for a reference that contradicts itself. */
    function isConsistent(reference: JobReference): boolean {
      const { key, jobId, blockHash, txHash, dataHash, logIndex, blockNumber } = reference
      return (
        [blockHash, txHash, dataHash].every(hash => HASH.test(hash)) &&
        jobId >= 0n &&
        jobId < 1n << 256n &&
        [blockNumber, logIndex].every(n => Number.isSafeInteger(n) && n >= 0) &&
        logIndex < 2 ** 32 &&
        jobKey(network, reference) === key
      )
    }

    /** One round: the receipts of the jobs not seen before, the blocks that all stand in, and their statuses. */
    async function verify(references: JobReference[]): Promise<JobVerdict[]> {
      const wanted = references.filter(isConsistent)
      const calls: RpcCall[] = []
      const index = new Map<string, number>()
      const ask = (name: string, call: RpcCall) => {
        if (!index.has(name)) index.set(name, calls.push(call) - 1)
      }
      // Held here, because the cache may drop a job before its verdict is made.
      const known = new Map<JobKey, Job>()
      for (const { key, txHash, blockNumber } of wanted) {
        const job = jobs.get(key)
        if (job !== undefined) known.set(key, job)
        else ask(txHash, { method: 'eth_getTransactionReceipt', params: [txHash] })
        ask(`${blockNumber}`, { method: 'eth_getBlockByNumber', params: [quantity(blockNumber), false] })
      }
      const jobIds = [...new Set(wanted.map(({ jobId }) => jobId))]
      const firstStatus = calls.length
      const answers = await rpc.send([...calls, ...statusCalls(network.oracle, jobIds)])
      const statuses = readStatuses(answers.slice(firstStatus), jobIds.length)
      const statusOf = new Map(jobIds.map((jobId, i) => [jobId, statuses[i] ?? JobStatus.None]))
      const answerTo = (name: string) => answers[index.get(name) ?? -1]

      const judge = (reference: JobReference): JobVerdict => {
        const block = answerTo(`${reference.blockNumber}`)
        if (textField(block, 'hash') !== reference.blockHash) {
          return missing('its block is not on the chain (any more, or yet)')
        }
        const job = known.get(reference.key) ?? findJob(answerTo(reference.txHash), reference, network.oracle)
        if ('mismatch' in job) return missing(job.mismatch)
        jobs.set(reference.key, job)
        // Equal by the key, except for the block's number, which the block itself has confirmed.
        return { kind: 'found', job, status: statusOf.get(reference.jobId) ?? JobStatus.None }
      }
      const consistent = new Set(wanted)
      return references.map(reference =>
        consistent.has(reference) ? judge(reference) : missing('its key is not the key of what it says')
      )
    }

    async function readPeerKeys(accounts: Address[]): Promise<(PeerKey | undefined)[]> {
      const unique = [...new Set(accounts)]
      const calls = slices(unique).map(slice =>
        ethCall(network.registry, registryInterface.encodeFunctionData('peerKeysOf', [slice]))
      )
      const answers = await rpc.send(calls)
      const found = answers.flatMap(answer =>
        decoded(
          () =>
            registryInterface.decodeFunctionResult('peerKeysOf', text(answer, 'peerKeysOf'))[0] as string[]
        )
      )
      if (found.length !== unique.length) throw nonsense('peerKeysOf')
      const fresh = new Map<Address, PeerKey | undefined>()
      unique.forEach((account, i) => {
        const peerKey = found[i] === NO_KEY ? undefined : found[i]?.slice(2)
        const ttlMs = peerKey === undefined ? NO_PEER_KEY_TTL_MS : PEER_KEY_TTL_MS
        fresh.set(account, peerKey)
        peerKeys.set(account, { peerKey, expiresAtMs: clock.steadyMs() + ttlMs })
      })
      return accounts.map(account => fresh.get(account))
    }

    return {
      isAnswering: rpc.isAnswering,
      verifyJobs: (references, signal) => verifyBatcher.add(references, signal),
      jobStatuses: (jobIds, signal) => statusBatcher.add(jobIds, signal),
      async peerKeysOf(accounts, signal) {
        const now = clock.steadyMs()
        const known = accounts.map(account => {
          const entry = peerKeys.get(account)
          return entry !== undefined && entry.expiresAtMs > now ? entry : undefined
        })
        const unknown = accounts.filter((_, i) => known[i] === undefined)
        const fresh = await peerKeyBatcher.add(unknown, signal)
        let next = 0
        return known.map(entry => (entry === undefined ? fresh[next++] : entry.peerKey))
      }
    }
  }
}

const missing = (reason: string): JobVerdict => ({ kind: 'missing', reason })

function findJob(
  answer: RpcAnswer | undefined,
  reference: JobReference,
  oracle: Address
): Job | { mismatch: string } {
  if (answer === undefined || 'failure' in answer)
    return { mismatch: 'the endpoint would not show its transaction' }
  const receipt = answer.result
  if (typeof receipt !== 'object' || receipt === null)
    return { mismatch: 'its transaction is not on the chain' }
  const logs = 'logs' in receipt && Array.isArray(receipt.logs) ? receipt.logs : []
  const log = logs.map(readLog).find(candidate => candidate?.logIndex === reference.logIndex)
  if (log === undefined) return { mismatch: 'its transaction has no such log' }
  try {
    return jobOfLog(log, reference, oracle)
  } catch (err) {
    return { mismatch: `the log cannot be decoded: ${(err as Error).message.slice(0, 100)}` }
  }
}

function slices<T>(items: T[]): T[][] {
  const all: T[][] = []
  for (let i = 0; i < items.length; i += IDS_PER_CALL) all.push(items.slice(i, i + IDS_PER_CALL))
  return all
}

const ethCall = (to: Address, data: string): RpcCall => ({
  method: 'eth_call',
  params: [{ to, data }, 'latest']
})

const statusCalls = (oracle: Address, jobIds: bigint[]) =>
  slices(jobIds).map(slice => ethCall(oracle, oracleInterface.encodeFunctionData('jobStatuses', [slice])))

function readStatuses(answers: RpcAnswer[], count: number): JobStatus[] {
  const statuses = answers
    .flatMap(answer =>
      decoded(
        () => oracleInterface.decodeFunctionResult('jobStatuses', text(answer, 'jobStatuses'))[0] as bigint[]
      )
    )
    .map(Number)
  if (statuses.length !== count || !statuses.every(isJobStatus)) throw nonsense('jobStatuses')
  return statuses.filter(isJobStatus)
}

const isJobStatus = (value: number): value is JobStatus =>
  value >= JobStatus.None && value <= JobStatus.Failed

/** A list that ethers decoded, read to its end: it throws late for elements that are malformed. */
function decoded<T>(decode: () => T[]): T[] {
  try {
    return [...decode()]
  } catch (err) {
    if (err instanceof ChainUnavailableError) throw err
    throw nonsense('a call', err)
  }
}

function text(answer: RpcAnswer | undefined, what: string): string {
  const result = resultOf(answer, what)
  if (typeof result !== 'string') throw nonsense(what)
  return result
}

function textField(answer: RpcAnswer | undefined, field: string): string | undefined {
  if (answer === undefined || !('result' in answer)) return undefined
  const { result } = answer
  if (typeof result !== 'object' || result === null) return undefined
  const value = (result as Record<string, unknown>)[field]
  return typeof value === 'string' ? value : undefined
}

function nonsense(what: string, cause?: unknown): ChainUnavailableError {
  return new ChainUnavailableError(
    `The RPC endpoint answered ${what} with what the contract cannot have said`,
    { cause }
  )
}
