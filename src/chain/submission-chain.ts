import { getAddress } from 'ethers'
import type { Address, Hex } from '../interface/bytes.js'
import { SubmissionStatus } from '../interface/chain.js'
import { ChainUnavailableError } from '../interface/errors.js'
import type { NetworkIdentity } from '../interface/settings.js'
import type {
  AccountState,
  BroadcastAnswer,
  GasPrice,
  MinedTransaction,
  Simulation,
  SubmissionChain
} from '../interface/submission-chain.js'
import { jobFailedTopic, jobSucceededTopic, oracleInterface, submissionRefusedTopic } from './interfaces.js'
import { type RawLog, readLog } from './job-log.js'
import type { Rpc } from './rpc.js'
import { type RpcAnswer, type RpcCall, type RpcFailure, resultOf } from './rpc-call.js'

/** Where the endpoint has no opinion: what wallets use. */
const DEFAULT_PRIORITY_FEE = 1_000_000_000n

const quantity = (value: number) => `0x${value.toString(16)}`
const call = (method: string, ...params: unknown[]): RpcCall => ({ method, params })

/** The chain as the submitter needs it, over JSON-RPC. */
export function submissionChain({ network, rpc }: { network: NetworkIdentity; rpc: Rpc }): SubmissionChain {
  const { chainId, oracle } = network

  async function send(calls: RpcCall[], signal?: AbortSignal): Promise<unknown[]> {
    const answers = await rpc.send(calls, signal)
    return calls.map(({ method }, i) => resultOf(answers[i], method))
  }

  return {
    chainId,
    oracle,
    encode: items => oracleInterface.encodeFunctionData('submitResults', [items]) as Hex,

    async simulate(from, data, count, signal) {
      const transaction = { from, to: oracle, data }
      const [outcome, gas, ...state] = await rpc.send(
        [call('eth_call', transaction, 'latest'), call('eth_estimateGas', transaction), ...stateCalls(from)],
        signal
      )
      return {
        outcome: readOutcome(outcome, count),
        gas: gas !== undefined && 'result' in gas ? bigintOf(gas.result, 'eth_estimateGas') : undefined,
        ...readState(state)
      }
    },

    async accountState(account, signal) {
      return readState(await rpc.send(stateCalls(account), signal))
    },

    async broadcast(raw, signal) {
      const [answer] = await rpc.send([call('eth_sendRawTransaction', raw)], signal)
      if (answer !== undefined && 'failure' in answer) return classify(answer.failure)
      resultOf(answer, 'eth_sendRawTransaction')
      return { kind: 'sent' }
    },

    async view(account, { hashes, blocks }, signal) {
      const [headBlock, latest, ...rest] = await send(
        [
          call('eth_getBlockByNumber', 'latest', false),
          call('eth_getTransactionCount', account, 'latest'),
          ...hashes.map(hash => call('eth_getTransactionReceipt', hash)),
          ...blocks.map(number => call('eth_getBlockByNumber', quantity(number), false))
        ],
        signal
      )
      const head = readHead(headBlock)
      const blockHashes = new Map([[head.number, head.hash]])
      const note = (block: unknown) => {
        if (block === null) return
        const { number, hash } = readHead(block)
        blockHashes.set(number, hash)
      }
      rest.slice(hashes.length).forEach(note)

      const found = hashes
        .map((hash, i) => readReceipt(rest[i], hash, account, oracle))
        .filter(transaction => transaction !== undefined)
      // Some endpoints still hold receipts of blocks that a reorg has dropped.
      const numbers = new Set(
        found.map(({ blockNumber }) => blockNumber).filter(number => !blockHashes.has(number))
      )
      const calls = [...numbers].map(number => call('eth_getBlockByNumber', quantity(number), false))
      if (calls.length > 0) (await send(calls, signal)).forEach(note)
      const canonical = found.filter(
        ({ blockNumber, blockHash }) => blockHashes.get(blockNumber) === blockHash
      )
      return {
        head,
        latestNonce: numberOf(latest, 'eth_getTransactionCount'),
        mined: new Map(canonical.map(transaction => [transaction.hash, transaction])),
        blockHashes
      }
    },

    async isKnown(hashes, signal) {
      const found = await send(
        hashes.map(hash => call('eth_getTransactionByHash', hash)),
        signal
      )
      return found.map(transaction => transaction !== null)
    }
  }
}

const stateCalls = (account: Address): RpcCall[] => [
  call('eth_getTransactionCount', account, 'latest'),
  call('eth_getTransactionCount', account, 'pending'),
  call('eth_getBalance', account, 'latest'),
  call('eth_getBlockByNumber', 'latest', false),
  call('eth_gasPrice'),
  call('eth_maxPriorityFeePerGas')
]

function readState([latest, pending, balance, head, gasPrice, priorityFee]: RpcAnswer[]): AccountState {
  const block = resultOf(head, 'eth_getBlockByNumber')
  return {
    blockNumber: blockNumberOf(block),
    gasPrice: readGasPrice(block, resultOf(gasPrice, 'eth_gasPrice'), priorityFee),
    balance: bigintOf(resultOf(balance, 'eth_getBalance'), 'eth_getBalance'),
    nonces: {
      latest: numberOf(resultOf(latest, 'eth_getTransactionCount'), 'eth_getTransactionCount'),
      pending: numberOf(resultOf(pending, 'eth_getTransactionCount'), 'eth_getTransactionCount')
    }
  }
}

function readOutcome(answer: RpcAnswer | undefined, count: number): Simulation['outcome'] {
  if (answer !== undefined && 'failure' in answer)
    return { kind: 'reverted', reason: revertReason(answer.failure) }
  const result = resultOf(answer, 'eth_call')
  try {
    const [list] = oracleInterface.decodeFunctionResult('submitResults', String(result))
    const statuses = [...(list as bigint[])].map(Number)
    if (statuses.length === count && statuses.every(isSubmissionStatus)) return { kind: 'statuses', statuses }
  } catch (err) {
    throw new ChainUnavailableError(
      'The RPC endpoint answered submitResults with what the Oracle cannot have said',
      {
        cause: err
      }
    )
  }
  throw new ChainUnavailableError(
    'The RPC endpoint answered submitResults with what the Oracle cannot have said'
  )
}

const known = new Set<number>(Object.values(SubmissionStatus))
const isSubmissionStatus = (value: number): value is SubmissionStatus => known.has(value)

/** The name of the contract's error where the endpoint tells it, else its words. */
function revertReason({ data, message }: RpcFailure): string {
  // Some endpoints wrap the data in an object.
  const hex = typeof data === 'object' && data !== null && 'data' in data ? data.data : data
  if (typeof hex === 'string' && /^0x([0-9a-f]{2}){4,}$/i.test(hex)) {
    const error = oracleInterface.parseError(hex.slice(0, 100_000))
    if (error !== null) return error.name
  }
  return message.slice(0, 200)
}

function readGasPrice(block: unknown, gasPrice: unknown, priorityFee: RpcAnswer | undefined): GasPrice {
  const baseFee =
    typeof block === 'object' && block !== null && 'baseFeePerGas' in block && block.baseFeePerGas != null
      ? bigintOf(block.baseFeePerGas, 'eth_getBlockByNumber')
      : undefined
  return {
    baseFee,
    // Not every chain knows the method.
    priorityFee:
      priorityFee !== undefined && 'result' in priorityFee
        ? bigintOf(priorityFee.result, 'eth_maxPriorityFeePerGas')
        : DEFAULT_PRIORITY_FEE,
    gasPrice: bigintOf(gasPrice, 'eth_gasPrice')
  }
}

/** Endpoints agree on no code; these are the words of geth, Nethermind, Besu, Erigon, reth and anvil. */
function classify({ message }: RpcFailure): BroadcastAnswer {
  const text = message.slice(0, 300)
  if (/already known|already imported|known transaction|alreadyknown/i.test(text)) return { kind: 'known' }
  if (/nonce( is)? too low|oldnonce|nonce has already been used/i.test(text)) return { kind: 'nonce-used' }
  if (/underpriced|less than block base fee|could not replace|fee too low|gas price too low/i.test(text)) {
    return { kind: 'underpriced', message: text }
  }
  if (/insufficient (funds|balance)|insufficientfunds|not enough funds/i.test(text)) {
    return { kind: 'no-funds', message: text }
  }
  return { kind: 'rejected', message: text }
}

function readReceipt(
  receipt: unknown,
  hash: Hex,
  from: Address,
  oracle: Address
): MinedTransaction | undefined {
  if (receipt === null || receipt === undefined) return undefined
  const { transactionHash, blockNumber, blockHash, status, logs } = receipt as Record<string, unknown>
  if (transactionHash !== hash || typeof blockHash !== 'string' || !Array.isArray(logs)) {
    throw new ChainUnavailableError(
      'The RPC endpoint answered eth_getTransactionReceipt with another receipt'
    )
  }
  const statuses = new Map<bigint, SubmissionStatus>()
  for (const log of logs.map(readLog)) {
    if (log === undefined || log.address.toLowerCase() !== oracle.toLowerCase()) continue
    const answered = readAnswerLog(log, from)
    if (answered !== undefined) statuses.set(answered.jobId, answered.status)
  }
  return {
    hash,
    blockNumber: numberOf(blockNumber, 'eth_getTransactionReceipt'),
    blockHash: blockHash as Hex,
    success: status === '0x1',
    statuses
  }
}

/** How the Oracle answered one item of `worker`; undefined for logs that are not an answer. */
function readAnswerLog(
  log: RawLog,
  worker: Address
): { jobId: bigint; status: SubmissionStatus } | undefined {
  const [topic, jobId, by] = log.topics
  if (jobId === undefined || by === undefined || getAddress(`0x${by.slice(26)}`) !== getAddress(worker))
    return undefined
  if (topic === jobSucceededTopic || topic === jobFailedTopic) {
    return { jobId: BigInt(jobId), status: SubmissionStatus.Accepted }
  }
  if (topic !== submissionRefusedTopic) return undefined
  const status = Number(BigInt(log.data))
  return isSubmissionStatus(status) ? { jobId: BigInt(jobId), status } : undefined
}

function readHead(block: unknown): { number: number; hash: Hex } {
  const { number, hash } = (block ?? {}) as Record<string, unknown>
  if (typeof hash !== 'string')
    throw new ChainUnavailableError('The RPC endpoint answered a block without a hash')
  return { number: numberOf(number, 'eth_getBlockByNumber'), hash: hash as Hex }
}

/** For people only: a chain without it is none the worse. */
function blockNumberOf(block: unknown): number | undefined {
  const { number } = (block ?? {}) as Record<string, unknown>
  return typeof number === 'string' && /^0x[0-9a-f]{1,13}$/i.test(number) ? Number(number) : undefined
}

function bigintOf(value: unknown, what: string): bigint {
  if (typeof value === 'string' && /^0x[0-9a-f]{1,64}$/i.test(value)) return BigInt(value)
  throw new ChainUnavailableError(`The RPC endpoint answered ${what} with what is not a number`)
}

function numberOf(value: unknown, what: string): number {
  const number = Number(bigintOf(value, what))
  if (Number.isSafeInteger(number)) return number
  throw new ChainUnavailableError(`The RPC endpoint answered ${what} with too large a number`)
}
