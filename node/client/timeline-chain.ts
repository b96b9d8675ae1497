import { type JsonRpcApiProvider, keccak256, type Log, zeroPadValue } from 'ethers'
import { oracleAbi, workerRegistryAbi } from '../../src/chain/abi/index.js'
import { eventTopic, parseLog, typedContract } from '../../src/chain/typed-contract.js'
import type { Address, Hex, NetworkIdentity, PeerKey, SubmissionStatus } from '../../src/interface/index.js'
import { jobKey } from '../../src/job/job-key.js'
import type { ChainEvent, ChainWorker } from './timeline-types.js'

/** Blocks of one request: what the public endpoints allow that allow the least. */
const rangeBlocks = 2_000
/** Requests in all: a job is final long before. */
const ranges = 10
/** Logs that are read of one job: the rest is refusals. */
const maxLogs = 200

const names = ['JobCreated', 'JobSucceeded', 'JobFailed', 'CallbackCalled', 'SubmissionRefused'] as const

export interface ChainHistory {
  events: ChainEvent[]
  /** There may be more than was read. */
  isCut: boolean
}

/** What the Oracle's logs say of a job, in their order. Throws what the provider throws. */
export async function readChainHistory(
  provider: JsonRpcApiProvider,
  network: NetworkIdentity,
  jobId: bigint,
  /** Where the job was created; undefined where that is not known. */
  createdBlock: number | undefined
): Promise<ChainHistory> {
  const head = await provider.getBlockNumber()
  const firstBlock = createdBlock ?? Math.max(0, head - ranges * rangeBlocks + 1)
  const idTopic = zeroPadValue(`0x${jobId.toString(16).padStart(64, '0')}`, 32)
  const topics = [names.map(name => eventTopic(oracleAbi, name)), idTopic]
  const logs: Log[] = []
  let fromBlock = firstBlock
  for (let count = 0; count < ranges && fromBlock <= head && logs.length < maxLogs; count++) {
    const toBlock = Math.min(head, fromBlock + rangeBlocks - 1)
    logs.push(...(await provider.getLogs({ address: network.oracle, topics, fromBlock, toBlock })))
    fromBlock = toBlock + 1
  }

  const times = await blockTimes(provider, logs.slice(0, maxLogs))
  const workerOf = workersOf(provider, network)
  const events: ChainEvent[] = []
  for (const log of logs.slice(0, maxLogs)) {
    const event = await readLog(log, times.get(log.blockNumber) ?? 0, network, workerOf)
    if (event !== undefined) events.push(event)
  }
  return { events, isCut: fromBlock <= head || logs.length > maxLogs }
}

async function readLog(
  log: Log,
  atMs: number,
  network: NetworkIdentity,
  workerOf: (account: string) => Promise<ChainWorker | undefined>
): Promise<ChainEvent | undefined> {
  const about = { atMs, blockNumber: log.blockNumber, txHash: log.transactionHash as Hex }
  const created = parseLog(oracleAbi, 'JobCreated', log)
  if (created !== undefined) {
    const reference = {
      jobId: created.jobId,
      blockHash: log.blockHash as Hex,
      txHash: log.transactionHash as Hex,
      logIndex: log.index,
      dataHash: keccak256(log.data) as Hex
    }
    return { type: 'created', ...about, job: jobKey(network, reference) }
  }
  const succeeded = parseLog(oracleAbi, 'JobSucceeded', log)
  if (succeeded !== undefined) {
    const worker = await workerOf(succeeded.worker)
    return worker === undefined ? undefined : { type: 'succeeded', ...about, worker }
  }
  const failed = parseLog(oracleAbi, 'JobFailed', log)
  if (failed !== undefined) {
    const { code, reason } = failed
    return { type: 'failed', ...about, worker: await workerOf(failed.worker), code, reason }
  }
  const called = parseLog(oracleAbi, 'CallbackCalled', log)
  if (called !== undefined) {
    return { type: 'callback', ...about, success: called.success, returnData: called.returnData }
  }
  const refused = parseLog(oracleAbi, 'SubmissionRefused', log)
  if (refused === undefined) return undefined
  const worker = await workerOf(refused.worker)
  return worker === undefined
    ? undefined
    : { type: 'refused', ...about, worker, status: refused.status as SubmissionStatus }
}

async function blockTimes(provider: JsonRpcApiProvider, logs: Log[]): Promise<Map<number, number>> {
  const numbers = [...new Set(logs.map(({ blockNumber }) => blockNumber))]
  const blocks = await Promise.all(numbers.map(number => provider.getBlock(number)))
  return new Map(numbers.map((number, index) => [number, (blocks[index]?.timestamp ?? 0) * 1_000]))
}

/** Looks up the peer key of each account once. Undefined for the zero account. */
function workersOf(
  provider: JsonRpcApiProvider,
  { registry }: NetworkIdentity
): (account: string) => Promise<ChainWorker | undefined> {
  const known = new Map<string, Promise<ChainWorker>>()
  const read = async (account: string): Promise<ChainWorker> => {
    const contract = typedContract(registry, workerRegistryAbi, provider)
    const key: PeerKey = (await contract.read('peerKeyOf', [account as Address])).slice(2)
    return { account, peerKey: /^0*$/.test(key) ? undefined : key }
  }
  return async account => {
    if (/^0x0*$/.test(account)) return undefined
    const found = known.get(account) ?? read(account)
    known.set(account, found)
    return found
  }
}
