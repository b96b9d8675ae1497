import type { JsonRpcApiProvider, Signer, TransactionResponse } from 'ethers'
import { oracleAbi, workerRegistryAbi } from '../../src/chain/abi/index.js'
import { typedContract } from '../../src/chain/typed-contract.js'
import {
  AccountError,
  type Address,
  type Hex,
  JobStatus,
  type NetworkIdentity,
  NotFoundError
} from '../../src/interface/index.js'
import { peerIdOf } from '../../src/network/identity.js'
import { SUBMISSION_GAS } from '../../src/submit/settings.js'
import { explain } from './ask.js'

/** An account as the chain knows it. Amounts in wei. */
export interface AccountView {
  address: Address
  chainId: number
  balance: bigint
  /** What the Oracle owes it. */
  credit: bigint
  /** Peer id of the node that the registry names for it. */
  registeredFor: string | undefined
  /** What a worker is paid for a success. */
  pay: bigint
  /** What the submission of one result costs, about, at the price of gas now; undefined where the endpoint names none. */
  submissionCost: bigint | undefined
}

const noKey = /^0x0*$/

export async function readAccount(
  provider: JsonRpcApiProvider,
  { chainId, oracle, registry }: NetworkIdentity,
  address: Address
): Promise<AccountView> {
  const contract = typedContract(oracle, oracleAbi, provider)
  const [balance, credit, peerKey, pay, { gasPrice }] = await Promise.all([
    provider.getBalance(address),
    contract.read('creditOf', [address]),
    typedContract(registry, workerRegistryAbi, provider).read('peerKeyOf', [address]),
    contract.read('price', []),
    provider.getFeeData()
  ])
  return {
    address,
    chainId,
    balance,
    credit,
    registeredFor: noKey.test(peerKey) ? undefined : peerIdOf(peerKey.slice(2)).toString(),
    pay,
    submissionCost: gasPrice === null ? undefined : gasPrice * SUBMISSION_GAS
  }
}

/** What a transaction came to. Amounts in wei. */
export interface Payout {
  txHash: Hex
  to: Address
  amount: bigint
}

/** How a command sends. `timeoutMs`: how long a block may take to hold the transaction. */
export interface Sending {
  network: NetworkIdentity
  signer: Signer
  timeoutMs: number
}

/**
 * Sends credit of the signer's account to `to`, all of it unless `amount` says how much.
 * Throws AccountError, TimeoutError, ChainUnavailableError.
 */
export async function withdrawCredit(
  sending: Sending,
  { to, amount: wanted }: { to: Address | undefined; amount: bigint | undefined }
): Promise<Payout> {
  const { network, signer } = sending
  const own = (await signer.getAddress()) as Address
  const oracle = typedContract(network.oracle, oracleAbi, signer)
  const credit = await creditOf(sending, own)
  const amount = wanted ?? credit
  if (amount > credit) {
    throw new AccountError(
      `The Oracle holds ${credit} wei for account ${own}, less than the ${amount} asked for: ask for less`
    )
  }
  const target = to ?? own
  return { txHash: await mined(sending, oracle.write('withdraw', [target, amount])), to: target, amount }
}

/** Sends all credit of any account to that account itself. Throws as `withdrawCredit`. */
export async function withdrawCreditOf(sending: Sending, of: Address): Promise<Payout> {
  const amount = await creditOf(sending, of)
  const oracle = typedContract(sending.network.oracle, oracleAbi, sending.signer)
  return { txHash: await mined(sending, oracle.write('withdrawFor', [of])), to: of, amount }
}

async function creditOf({ network, signer }: Sending, of: Address): Promise<bigint> {
  const credit = await typedContract(network.oracle, oracleAbi, signer).read('creditOf', [of])
  if (credit === 0n) throw new AccountError(`The Oracle ${network.oracle} holds nothing for account ${of}`)
  return credit
}

/** Takes the signer's account out of the registry. Throws as `withdrawCredit`. */
export async function unregister(sending: Sending): Promise<Hex> {
  const { network, signer } = sending
  const own = (await signer.getAddress()) as Address
  const registry = typedContract(network.registry, workerRegistryAbi, signer)
  if (noKey.test(await registry.read('peerKeyOf', [own]))) {
    throw new AccountError(`Account ${own} is not registered: there is nothing to undo`)
  }
  return await mined(sending, registry.write('unregister', []))
}

/** Fails a job whose deadline has passed, so that its client has its payment back. Throws NotFoundError too. */
export async function reclaimJob(sending: Sending, jobId: bigint): Promise<Payout> {
  const oracle = typedContract(sending.network.oracle, oracleAbi, sending.signer)
  const job = await oracle.read('getJob', [jobId])
  if (job.status === JobStatus.None) throw new NotFoundError(`There is no job ${jobId}`)
  if (job.status !== JobStatus.Open) {
    throw new AccountError(`Job ${jobId} is final already: see \`npx buffalo-node job ${jobId}\``)
  }
  const deadlineMs = job.deadline * 1_000
  const head = await sending.signer.provider?.getBlock('latest')
  if (Math.max(Date.now(), (head?.timestamp ?? 0) * 1_000) <= deadlineMs) {
    throw new AccountError(
      `The deadline of job ${jobId} is ${new Date(deadlineMs).toISOString()}: until then a worker may still answer it`
    )
  }
  const txHash = await mined(sending, oracle.write('reclaim', [jobId]))
  return { txHash, to: job.callbackAddress, amount: job.modelPayment + job.oraclePayment }
}

async function mined({ signer, timeoutMs }: Sending, sent: Promise<TransactionResponse>): Promise<Hex> {
  try {
    const { hash, wait } = await sent.then(response => ({
      hash: response.hash as Hex,
      wait: () => response.wait(1, timeoutMs)
    }))
    await wait()
    return hash
  } catch (err) {
    throw explain(err, await signer.getAddress())
  }
}
