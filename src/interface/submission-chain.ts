import type { Address, Hex } from './bytes.js'
import type { SubmissionStatus } from './chain.js'

/** IOracle.Submission */
export interface SubmissionItem {
  jobId: bigint
  requestHash: Hex
  success: boolean
  output: Hex
  failureCode: number
  failureReason: string
  receipt: Hex
}

/** What a transaction offers for its gas, in wei. */
export type Fees =
  | { type: 'eip1559'; maxFeePerGas: bigint; maxPriorityFeePerGas: bigint }
  | { type: 'legacy'; gasPrice: bigint }

/** The price of gas at the head of the chain, in wei. `baseFee`: undefined on a chain without EIP-1559. */
export interface GasPrice {
  baseFee: bigint | undefined
  priorityFee: bigint
  gasPrice: bigint
}

/** The account and the price of gas, at the head of the chain. */
export interface AccountState {
  gasPrice: GasPrice
  /** In wei. */
  balance: bigint
  nonces: AccountNonces
  /** Of the head; undefined where the endpoint does not tell it. */
  blockNumber?: number | undefined
}

/** What the chain would say now of a call of `submitResults`. */
export interface Simulation extends AccountState {
  /** One for each item, in order; or why the whole call would revert: the name of the contract's error, or the endpoint's words. */
  outcome: { kind: 'statuses'; statuses: SubmissionStatus[] } | { kind: 'reverted'; reason: string }
  /** Gas that the call needs; undefined where it would revert. */
  gas: bigint | undefined
}

export interface AccountNonces {
  /** Count of mined transactions: the next nonce on chain. */
  latest: number
  /** The same with the transactions that wait in the endpoint's pool. */
  pending: number
}

/** What the endpoint said to a transaction. None of these is final: only a block is. */
export type BroadcastAnswer =
  | { kind: 'sent' }
  /** It was in the pool already. */
  | { kind: 'known' }
  /** Another transaction with this nonce has been mined; or this very one. */
  | { kind: 'nonce-used' }
  /** Its fees are below those of the transaction that it would replace, or of the pool. */
  | { kind: 'underpriced'; message: string }
  | { kind: 'no-funds'; message: string }
  | { kind: 'rejected'; message: string }

/** A transaction of this account in a block of the chain. */
export interface MinedTransaction {
  hash: Hex
  blockNumber: number
  blockHash: Hex
  /** False if it reverted: then it changed nothing. */
  success: boolean
  /** How the Oracle answered each item, by job id. */
  statuses: Map<bigint, SubmissionStatus>
}

export interface ChainView {
  head: { number: number; hash: Hex }
  /** Count of mined transactions of the account. */
  latestNonce: number
  /** The transactions that were asked for and stand in a block of the chain, by hash. */
  mined: Map<Hex, MinedTransaction>
  /** The hashes of the blocks that were asked for; one that the chain does not reach is missing. */
  blockHashes: Map<number, Hex>
}

/** The chain as the submitter needs it. All that ask it throw ChainUnavailableError. */
export interface SubmissionChain {
  chainId: number
  oracle: Address
  /** Calldata of `submitResults`. */
  encode(items: SubmissionItem[]): Hex
  /** `count`: the items in `data`. */
  simulate(from: Address, data: Hex, count: number, signal?: AbortSignal): Promise<Simulation>
  accountState(account: Address, signal?: AbortSignal): Promise<AccountState>
  broadcast(raw: Hex, signal?: AbortSignal): Promise<BroadcastAnswer>
  /** The chain's head, which of `hashes` are in its blocks, and what stands at the numbers `blocks`. */
  view(account: Address, query: { hashes: Hex[]; blocks: number[] }, signal?: AbortSignal): Promise<ChainView>
  /** Whether the endpoint holds each transaction, in its pool or in a block. */
  isKnown(hashes: Hex[], signal?: AbortSignal): Promise<boolean[]>
}

/** What the contracts say of a worker's account. */
export interface Standing {
  /** Which node the registry names for the account: this one, none, or another. */
  registered: 'own' | 'none' | 'another'
  /** What the Oracle keeps for each callback of a submission, which must be sent along. */
  callbackGasLimit: bigint
  /** What the Oracle pays for one success now, in wei. */
  price: bigint
}

/** The contracts' view of one worker. All throw ChainUnavailableError. */
export interface WorkerStanding {
  look(signal?: AbortSignal): Promise<Standing>
  /**
   * Gas that a call of the Oracle would use, which is less than what it must be sent with; undefined where the endpoint
   * cannot tell.
   */
  gasUsed(data: Hex, signal?: AbortSignal): Promise<bigint | undefined>
}

/** An account that can sign: nothing else of its key is shown. */
export interface SigningAccount {
  address: Address
  /** @returns the raw transaction and its hash */
  sign(transaction: UnsignedTransaction): Promise<{ raw: Hex; hash: Hex }>
}

export interface UnsignedTransaction {
  chainId: number
  nonce: number
  to: Address
  data: Hex
  gasLimit: bigint
  fees: Fees
}
