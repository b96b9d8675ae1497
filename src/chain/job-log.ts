import { AbiCoder, getAddress, keccak256 } from 'ethers'
import type { Address, Hex } from '../interface/bytes.js'
import type { Job, JobReference } from '../interface/job.js'
import { jobCreatedTopic, oracleInterface } from './interfaces.js'

/** A log as JSON-RPC gives it; every field is checked before it is used. */
export interface RawLog {
  address: string
  topics: string[]
  data: string
  blockHash: string
  blockNumber: number
  logIndex: number
}

/**
 * The data fields of `JobCreated`, by name. Strings are read as bytes: a contract can put anything into them, and
 * a decoder that insists on UTF-8 would throw.
 */
const fields = (oracleInterface.getEvent('JobCreated')?.inputs ?? []).filter(
  ({ indexed }) => indexed !== true
)
const types = fields.map(({ type }) => (type === 'string' ? 'bytes' : type))
const coder = AbiCoder.defaultAbiCoder()
const utf8 = new TextDecoder()

/** A log out of JSON; undefined if it is not one. */
export function readLog(value: unknown): RawLog | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { address, topics, data, blockHash, blockNumber, logIndex, removed } = value as Record<
    string,
    unknown
  >
  if (removed === true) return undefined
  if (typeof address !== 'string' || typeof data !== 'string' || typeof blockHash !== 'string')
    return undefined
  if (!Array.isArray(topics) || !topics.every(topic => typeof topic === 'string')) return undefined
  return { address, topics, data, blockHash, blockNumber: Number(blockNumber), logIndex: Number(logIndex) }
}

/**
 * The job of a log that stands where the reference says, or why the log is not the one that the reference names.
 * The hash of the data is compared first: what is decoded is what the contract wrote.
 */
export function jobOfLog(log: RawLog, reference: JobReference, oracle: Address): Job | { mismatch: string } {
  if (log.address.toLowerCase() !== oracle.toLowerCase())
    return { mismatch: 'the log is of another contract' }
  const [topic, jobId, model, client] = log.topics
  if (topic !== jobCreatedTopic) return { mismatch: 'the log is not JobCreated' }
  if (
    jobId === undefined ||
    model === undefined ||
    client === undefined ||
    BigInt(jobId) !== reference.jobId
  ) {
    return { mismatch: 'the log is of another job id' }
  }
  if (log.blockHash !== reference.blockHash) return { mismatch: 'the log is in another block' }
  if (log.blockNumber !== reference.blockNumber)
    return { mismatch: 'the log is in a block of another number' }
  if (keccak256(log.data) !== reference.dataHash) return { mismatch: 'the log holds other data' }
  return { ...reference, ...decode(log.data), model: addressOf(model), client: addressOf(client) }
}

const addressOf = (topic: string) => getAddress(`0x${topic.slice(26)}`) as Address

type Decoded = Omit<Job, keyof JobReference | 'model' | 'client'>

function decode(data: string): Decoded {
  const values = coder.decode(types, data)
  const value = (name: string): unknown => values[fields.findIndex(field => field.name === name)]
  const number = (name: string) => bounded(value(name) as bigint)
  const bytes = (name: string) => value(name) as Hex
  return {
    category: number('modelCategory'),
    seed: bytes('seed'),
    manifestLocation: utf8.decode(Buffer.from(bytes('modelConfigLocation').slice(2), 'hex')),
    inputLocation: number('inputDataLocationType'),
    input: bytes('input'),
    outputLocation: number('outputDataLocationType'),
    outputFormat: number('outputDataFormat'),
    createdAtMs: bounded((value('createdTimestamp') as bigint) * 1000n),
    deadlineMs: bounded((value('deadline') as bigint) * 1000n),
    redundancy: number('redundancy'),
    requestHash: bytes('requestHash')
  }
}

/** A uint256 as a number; what no number can hold exactly becomes the largest that can. */
function bounded(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value)
}
