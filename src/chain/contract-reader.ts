import { delay } from '../interface/abort.js'
import type { Hex } from '../interface/bytes.js'
import type { ContractReader } from '../interface/chain.js'
import type { Clock } from '../interface/clock.js'
import { ChainUnavailableError, FailureCode, JobFailedError } from '../interface/errors.js'
import type { Logger } from '../interface/logger.js'
import type { NetworkIdentity } from '../interface/settings.js'
import type { ContractRead } from '../interface/task.js'
import { oracleInterface } from './interfaces.js'
import type { Rpc } from './rpc.js'
import type { RpcAnswer, RpcCall } from './rpc-call.js'

export interface ContractReaderInit {
  network: NetworkIdentity
  /** Of each call. Default 5 million: 2,000 cold storage reads; endpoints commonly stop at 50 million. */
  maxGas?: number
  /** Of one answer. Default 16 KiB: 50 times the board of a game. */
  maxAnswerBytes?: number
  /** Calls of one job. Default 16. */
  maxReads?: number
  /** For all calls of one job, before the chain counts as unavailable. Default 20,000: a try of the transport, and a half. */
  timeoutMs?: number
}

export interface ContractReaderComponents {
  rpc: Rpc
  clock: Clock
  logger: Logger
}

/**
 * Asks contracts that strangers wrote. A call of the Oracle's `price()`, which always succeeds, goes along with theirs:
 * if it is answered and theirs is not, the fault is theirs, in whatever words the endpoint puts it. If it is not answered
 * at the job's block either, the endpoint has no state of that block (any more): then all are asked at the latest one.
 */
export function contractReader(
  init: ContractReaderInit
): (components: ContractReaderComponents) => ContractReader {
  const { network, maxGas = 5_000_000, maxAnswerBytes = 16 * 1024, maxReads = 16, timeoutMs = 20_000 } = init
  const control: RpcCall['params'][0] = {
    to: network.oracle,
    data: oracleInterface.encodeFunctionData('price')
  }
  const gas = `0x${maxGas.toString(16)}`

  return ({ rpc, clock, logger }) => {
    /** The answers at one block; undefined where the endpoint does not have its state. */
    async function ask(
      reads: ContractRead[],
      block: unknown,
      signal: AbortSignal
    ): Promise<RpcAnswer[] | undefined> {
      const call = (transaction: unknown): RpcCall => ({ method: 'eth_call', params: [transaction, block] })
      const [shown, ...answers] = await rpc.send(
        [call(control), ...reads.map(({ to, data }) => call({ to, data, gas }))],
        signal
      )
      return shown !== undefined && 'result' in shown ? answers : undefined
    }

    async function read(reads: ContractRead[], blockHash: Hex, signal: AbortSignal): Promise<Uint8Array[]> {
      let answers = await ask(reads, { blockHash }, signal)
      if (answers === undefined) {
        logger.warn(
          { blockHash },
          'the RPC endpoint has no state of the block of a job: contracts are read at the latest block instead'
        )
        answers = await ask(reads, 'latest', signal)
      }
      if (answers === undefined) {
        throw new ChainUnavailableError(
          'The RPC endpoint answers no eth_call, not even of the Oracle: check it, or choose another with --rpc-url'
        )
      }
      return reads.map((call, index) => checkedAnswer(call, answers[index], maxAnswerBytes))
    }

    return {
      async readContracts(reads, blockHash, signal) {
        if (reads.length > maxReads) {
          throw new JobFailedError(
            FailureCode.InvalidInput,
            `The job needs ${reads.length} reads of contracts: at most ${maxReads} are made`
          )
        }
        if (reads.length === 0) return []
        const ending = new AbortController()
        const late = async (): Promise<never> => {
          await delay(clock, timeoutMs, ending.signal)
          throw new ChainUnavailableError(
            `The RPC endpoint did not answer the reads of a job within ${timeoutMs} ms`
          )
        }
        try {
          return await Promise.race([
            read(reads, blockHash, AbortSignal.any([signal, ending.signal])),
            late()
          ])
        } finally {
          ending.abort()
        }
      }
    }
  }
}

/** Throws JobFailedError for what a contract answers that nobody can use. */
function checkedAnswer({ to }: ContractRead, answer: RpcAnswer | undefined, maxBytes: number): Uint8Array {
  const fail = (what: string): never => {
    throw new JobFailedError(FailureCode.InvalidInput, `The contract ${to}, which the job reads, ${what}`)
  }
  if (answer === undefined || 'failure' in answer) {
    const said = answer === undefined ? 'no answer' : answer.failure.message.slice(0, 100)
    return fail(`did not answer: ${said}`)
  }
  const { result } = answer
  if (typeof result !== 'string' || !result.startsWith('0x')) return fail('was answered for with nonsense')
  if (result === '0x') return fail('answered nothing: there is no contract, or it lacks the function')
  const sizeBytes = (result.length - 2) / 2
  if (sizeBytes > maxBytes) return fail(`answered with ${sizeBytes} bytes: at most ${maxBytes} are taken`)
  if (!/^0x([0-9a-fA-F]{2})+$/u.test(result)) return fail('was answered for with nonsense')
  return Buffer.from(result.slice(2), 'hex')
}
