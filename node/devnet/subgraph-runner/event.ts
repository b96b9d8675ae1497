import type { EventFragment } from 'ethers'
import { bytesOf, decodeParams, type EthereumValue, newEthereumValue } from './ethereum-value.js'
import type { ChainBlock, ChainLog, ChainTransaction } from './rpc.js'
import { TypeId, type WasmHeap } from './wasm-heap.js'

/** What a handler is given: `ethereum.Event` of graph-ts. */
export interface EthereumEvent {
  block: ChainBlock
  transaction: ChainTransaction
  log: ChainLog
  parameters: { name: string; value: EthereumValue }[]
}

/** The parameters of a log, indexed ones first or not as the event declares them. Throws where the log is not the event. */
export function decodeEvent(fragment: EventFragment, log: ChainLog): EthereumEvent['parameters'] {
  const unindexed = fragment.inputs.filter(input => !input.indexed)
  const values = decodeParams(unindexed, bytesOf(log.data))
  const topics = log.topics.slice(fragment.anonymous ? 0 : 1)
  return fragment.inputs.map((input, index) => {
    const name = input.name || `param${index}`
    if (!input.indexed) {
      const value = values.shift()
      if (value === undefined) throw new TypeError(`${fragment.name} lacks ${name}`)
      return { name, value }
    }
    const topic = bytesOf(topics.shift() ?? '0x')
    // A topic holds the hash of a value without a fixed width.
    const isHashed = input.isArray() || input.isTuple() || input.type === 'string' || input.type === 'bytes'
    if (isHashed) return { name, value: { kind: 'fixedBytes', bytes: topic } }
    const [value] = decodeParams([input], topic)
    if (value === undefined) throw new TypeError(`${fragment.name} lacks ${name}`)
    return { name, value }
  })
}

/** Fields in the order of graph-ts `chain/ethereum.ts`. */
export function newEthereumEvent(
  heap: WasmHeap,
  { block, transaction, log, parameters }: EthereumEvent
): number {
  const bytes = (hex: string) => heap.newBytes(bytesOf(hex))
  const orNull = (value: bigint | undefined) => (value === undefined ? 0 : heap.newBigInt(value))
  const parameterPointers = parameters.map(({ name, value }) =>
    heap.newObject(TypeId.EventParam, [heap.newString(name), newEthereumValue(heap, value)])
  )
  return heap.newObject(TypeId.EthereumEvent, [
    bytes(log.address),
    heap.newBigInt(log.logIndex),
    // graph-node, too, gives the index in the block here.
    heap.newBigInt(log.logIndex),
    0,
    heap.newObject(TypeId.EthereumBlock, [
      bytes(block.hash),
      bytes(block.parentHash),
      bytes(block.sha3Uncles),
      bytes(block.miner),
      bytes(block.stateRoot),
      bytes(block.transactionsRoot),
      bytes(block.receiptsRoot),
      heap.newBigInt(block.number),
      heap.newBigInt(block.gasUsed),
      heap.newBigInt(block.gasLimit),
      heap.newBigInt(block.timestamp),
      heap.newBigInt(block.difficulty),
      heap.newBigInt(block.totalDifficulty),
      orNull(block.size),
      orNull(block.baseFeePerGas)
    ]),
    heap.newObject(TypeId.EthereumTransaction, [
      bytes(transaction.hash),
      heap.newBigInt(transaction.transactionIndex),
      bytes(transaction.from),
      transaction.to === null ? 0 : bytes(transaction.to),
      heap.newBigInt(transaction.value),
      heap.newBigInt(transaction.gas),
      heap.newBigInt(transaction.gasPrice),
      bytes(transaction.input),
      heap.newBigInt(transaction.nonce)
    ]),
    heap.newArray(TypeId.ArrayEventParam, parameterPointers),
    // The receipt: only for handlers that ask for it, which the manifest's reader refuses.
    0
  ])
}
