import { formatEther, formatUnits } from 'ethers'
import type { PeerKey } from '../interface/bytes.js'
import type { Clock } from '../interface/clock.js'
import { AccountError, TimeoutError } from '../interface/errors.js'
import type { Logger } from '../interface/logger.js'
import type { Fees, SigningAccount } from '../interface/submission-chain.js'
import { registryInterface } from './interfaces.js'
import type { ChainClient } from './provider.js'
import { resultOf } from './rpc-call.js'
import { sleep } from './wait.js'

export interface RegistrationOptions {
  pollIntervalMs: number
  /** Of the wait for the transaction to be mined. */
  timeoutMs: number
  /** Whether the account may be taken from another node that it is registered for. Default false. */
  replace?: boolean
  /** The most that a unit of gas may cost, in wei. Default: whatever it costs. */
  maxFeePerGas?: bigint
  clock: Clock
  log: Logger
  signal?: AbortSignal
}

/** What others pay at the same time may grow by an eighth with each block. */
const FEE_HEADROOM = 2n

/**
 * Sees to it that the registry names `peerKey` for the account: sends `register` if it does not, and waits for it.
 *
 * @returns whether a transaction was needed
 *
 * Call it before the submitter of the same account is started: each takes nonces.
 * Throws AccountError without funds, where the registry refuses, and where it names another node and `replace` is not set;
 * TimeoutError, ChainUnavailableError.
 */
export async function ensureRegistered(
  client: ChainClient,
  account: SigningAccount,
  peerKey: PeerKey,
  { pollIntervalMs, timeoutMs, replace = false, maxFeePerGas, clock, log, signal }: RegistrationOptions
): Promise<boolean> {
  const { rpc, network } = client
  const { address } = account
  const to = network.registry
  const wanted = `0x${peerKey}`

  async function registered(): Promise<unknown> {
    const data = registryInterface.encodeFunctionData('peerKeyOf', [address])
    const [answer] = await rpc.send([{ method: 'eth_call', params: [{ to, data }, 'latest'] }], signal)
    return resultOf(answer, 'peerKeyOf')
  }

  const earlier = await registered()
  if (earlier === wanted) return false
  if (!replace && typeof earlier === 'string' && /[1-9a-f]/.test(earlier.slice(2))) {
    throw new AccountError(
      `Account ${address} is registered for another node (peer key ${earlier.slice(2)}), which would lose its work: give this worker an account of its own, or, if that node is gone for good, start with --replace-registration`
    )
  }

  const data = registryInterface.encodeFunctionData('register', [wanted]) as `0x${string}`
  const { nonce, gasLimit, fees } = await prepare()
  const { raw, hash } = await account.sign({ chainId: network.chainId, nonce, to, data, gasLimit, fees })
  log.info({ account: address, txHash: hash }, 'Registering this worker')
  const [sent] = await rpc.send([{ method: 'eth_sendRawTransaction', params: [raw] }], signal)
  if (sent !== undefined && 'failure' in sent && !/already known/i.test(sent.failure.message)) {
    throw new AccountError(
      `Account ${address} could not send its registration (${sent.failure.message.slice(0, 200)}): check its funds and pending transactions`
    )
  }
  const giveUpAtMs = clock.steadyMs() + timeoutMs
  while ((await registered()) !== wanted) {
    if (clock.steadyMs() >= giveUpAtMs) {
      throw new TimeoutError(
        `The registration ${hash} of account ${address} was not mined in ${timeoutMs} ms: look it up, then start again`
      )
    }
    await sleep(clock, pollIntervalMs, signal)
  }
  return true

  async function prepare(): Promise<{ nonce: number; gasLimit: bigint; fees: Fees }> {
    const [balanceAnswer, nonceAnswer, gas, blockAnswer, gasPriceAnswer, priorityFee] = await rpc.send(
      [
        { method: 'eth_getBalance', params: [address, 'latest'] },
        { method: 'eth_getTransactionCount', params: [address, 'pending'] },
        { method: 'eth_estimateGas', params: [{ from: address, to, data }] },
        { method: 'eth_getBlockByNumber', params: ['latest', false] },
        { method: 'eth_gasPrice', params: [] },
        { method: 'eth_maxPriorityFeePerGas', params: [] }
      ],
      signal
    )
    const balance = BigInt(String(resultOf(balanceAnswer, 'eth_getBalance')))
    if (balance === 0n) throw noFunds(balance)
    if (gas !== undefined && 'failure' in gas) {
      throw new AccountError(
        `The registry ${to} would refuse account ${address} (${gas.failure.message.slice(0, 200)}): check the network file`
      )
    }
    const gasLimit = (BigInt(String(resultOf(gas, 'eth_estimateGas'))) * 12n) / 10n
    const gasPrice = BigInt(String(resultOf(gasPriceAnswer, 'eth_gasPrice')))
    const block = resultOf(blockAnswer, 'eth_getBlockByNumber') as { baseFeePerGas?: string } | null
    const wantedFees = chooseFees(block?.baseFeePerGas, gasPrice, priorityFee)
    const fees =
      maxFeePerGas === undefined
        ? wantedFees
        : capped(wantedFees, BigInt(block?.baseFeePerGas ?? gasPrice), maxFeePerGas)
    if (balance < gasLimit * (fees.type === 'legacy' ? fees.gasPrice : fees.maxFeePerGas))
      throw noFunds(balance)
    return { nonce: Number(resultOf(nonceAnswer, 'eth_getTransactionCount')), gasLimit, fees }
  }

  function noFunds(balance: bigint): AccountError {
    return new AccountError(
      `Account ${address} holds ${formatEther(balance)} of chain ${network.chainId}'s currency, too little to register: send it some, then start again`
    )
  }
}

/** `least`: what a block asks for now. */
function capped(fees: Fees, least: bigint, cap: bigint): Fees {
  if (least > cap) {
    throw new AccountError(
      `Gas costs ${formatUnits(least, 'gwei')} gwei, more than this node may pay to register: start again when it is cheaper, or raise --max-fee-gwei`
    )
  }
  if (fees.type === 'legacy') return fees
  const maxFeePerGas = fees.maxFeePerGas < cap ? fees.maxFeePerGas : cap
  const tip = fees.maxPriorityFeePerGas
  return { ...fees, maxFeePerGas, maxPriorityFeePerGas: tip < maxFeePerGas ? tip : maxFeePerGas }
}

function chooseFees(baseFeeText: string | undefined, gasPrice: bigint, priorityAnswer: unknown): Fees {
  if (baseFeeText === undefined) return { type: 'legacy', gasPrice }
  const baseFee = BigInt(baseFeeText)
  const suggested =
    typeof priorityAnswer === 'object' && priorityAnswer !== null && 'result' in priorityAnswer
      ? BigInt(String(priorityAnswer.result))
      : // eth_gasPrice is the base fee with a tip.
        gasPrice > baseFee
        ? gasPrice - baseFee
        : 0n
  return {
    type: 'eip1559',
    maxFeePerGas: baseFee * FEE_HEADROOM + suggested,
    maxPriorityFeePerGas: suggested
  }
}
