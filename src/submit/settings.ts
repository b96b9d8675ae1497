/** How the submitter behaves. Times in ms, fees in wei. */
export interface SubmitSettings {
  /** A transaction is final this many blocks deep; 1: as soon as it is mined. */
  confirmations: number
  /** The most that a unit of gas may cost. */
  maxFeePerGas: bigint
  /** What a submission may cost at most, in times of what its jobs pay; 0: whatever it costs. */
  maxCostFactor: number
  /** Between two looks at the account's funds and registration, while all is well. */
  checkIntervalMs: number
  /** Between two looks at the chain, at most. After a transaction was sent they begin close together. */
  pollIntervalMs: number
  /** A transaction that is not mined in this time is replaced with a higher fee. */
  stuckAfterMs: number
  maxBatchItems: number
  maxBatchBytes: number
  /** Transactions that wait to be mined at one time. */
  maxInFlight: number
  /** While a transaction is in flight, results wait to go together, at most this long. */
  maxWaitMs: number
  /**
   * Whether the outbox is known to hold all that was sent. If not, nothing is sent before what the pool holds of the account
   * is mined or dropped: it may carry the same results.
   */
  isContinuous: boolean
}

export const defaultSubmitSettings: SubmitSettings = {
  // Two of Ethereum's former finality rule of thumb (6) and what exchanges ask of fast chains.
  confirmations: 12,
  maxFeePerGas: 200_000_000_000n,
  // Lets a new network run at a loss that its operators choose, and stops one that they do not: a peak of gas, or callbacks that burn it.
  maxCostFactor: 10,
  checkIntervalMs: 60_000,
  pollIntervalMs: 2_000,
  // Five blocks of Ethereum.
  stuckAfterMs: 60_000,
  // With callbacks of 200,000 gas: 10 million, a third of a block.
  maxBatchItems: 50,
  // geth and reth refuse transactions above 128 KiB.
  maxBatchBytes: 96 << 10,
  // geth's pool keeps 16 executable transactions of an account for sure.
  maxInFlight: 4,
  // A quarter of a block of Ethereum.
  maxWaitMs: 3_000,
  isContinuous: true
}

/** A third of a block of 30 million gas, and below the cap of one transaction (EIP-7825: 16,777,216). */
export const MAX_BATCH_GAS = 12_000_000n
/** What the submission of one result uses, with a callback that stores a line of text: 150,000 to 250,000 as measured. */
export const SUBMISSION_GAS = 200_000n
/** The state at the time of the estimate may differ from that of the block; more so where it did so before. */
export const withMargin = (gas: bigint, attempts: number) =>
  (gas * BigInt(12 + 4 * Math.min(attempts, 4))) / 10n
/** The first look after a transaction was sent: a local chain mines it at once. */
export const FIRST_LOOK_MS = 5
/** After trouble, and at most. */
export const FIRST_BACKOFF_MS = 500
export const LAST_BACKOFF_MS = 30_000
/**
 * A job that the chain does not know may be on its way back from a reorg, or the endpoint may lag: asked for again after 1, 2,
 * 4, 8 and 16 times the poll interval, which is a minute and five blocks of Ethereum.
 */
export const UNKNOWN_JOB_ATTEMPTS = 5
/** Looks that must agree that a nonce was used by a transaction that is not ours: endpoints behind a balancer disagree. */
export const CONSUMED_LOOKS = 3
/** Fillers of gaps at one time. A larger gap means that this data belongs to another chain. */
export const MAX_FILLERS = 16
/** Before a result whose submission reverted is tried again: 1 s, 2 s, 4 s, … to a minute. */
export const retryDelayMs = (attempts: number) => Math.min(1_000 * 2 ** Math.min(attempts, 10), 60_000)
