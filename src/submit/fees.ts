import type { Fees, GasPrice } from '../interface/submission-chain.js'

/** The base fee grows by at most an eighth a block: twice of it lasts for six full blocks. */
const BASE_FEE_HEADROOM = 2n
/** Pools want 10% (geth, anvil) to 12.5% (Nethermind, Erigon) more for the same nonce. */
const BUMP_PER_MILLE = 1_125n

/** The most that a unit of gas may cost under these fees, in wei. */
export const maxPerGas = (fees: Fees): bigint => (fees.type === 'legacy' ? fees.gasPrice : fees.maxFeePerGas)

/** What a unit of gas costs in the next block, as far as can be told, in wei. */
export const expectedPerGas = ({ baseFee, priorityFee, gasPrice }: GasPrice): bigint =>
  baseFee === undefined ? gasPrice : baseFee + priorityFee

const min = (a: bigint, b: bigint) => (a < b ? a : b)
const max = (a: bigint, b: bigint) => (a > b ? a : b)
const bumped = (value: bigint) => (value * BUMP_PER_MILLE) / 1_000n + 1n

/** Fees for a new transaction; undefined while gas costs more than `cap` (wei). Legacy where the chain has no base fee. */
export function chooseFees({ baseFee, priorityFee, gasPrice }: GasPrice, cap: bigint): Fees | undefined {
  if (baseFee === undefined) return gasPrice > cap ? undefined : { type: 'legacy', gasPrice }
  if (baseFee > cap) return undefined
  const maxFeePerGas = min(baseFee * BASE_FEE_HEADROOM + priorityFee, cap)
  return { type: 'eip1559', maxFeePerGas, maxPriorityFeePerGas: min(priorityFee, maxFeePerGas) }
}

/**
 * Fees for a transaction that replaces one with fees `previous`: at least an eighth more of each part, and no less than a
 * new one would offer. Undefined if that is above `cap` (wei).
 */
export function replacementFees(previous: Fees, current: GasPrice, cap: bigint): Fees | undefined {
  const fresh = chooseFees(current, cap)
  if (previous.type === 'legacy') {
    const gasPrice = max(bumped(previous.gasPrice), fresh?.type === 'legacy' ? fresh.gasPrice : 0n)
    return gasPrice > cap ? undefined : { type: 'legacy', gasPrice }
  }
  const floor = fresh?.type === 'eip1559' ? fresh : { maxFeePerGas: 0n, maxPriorityFeePerGas: 0n }
  const maxFeePerGas = max(bumped(previous.maxFeePerGas), floor.maxFeePerGas)
  if (maxFeePerGas > cap) return undefined
  const maxPriorityFeePerGas = max(bumped(previous.maxPriorityFeePerGas), floor.maxPriorityFeePerGas)
  return { type: 'eip1559', maxFeePerGas, maxPriorityFeePerGas: min(maxPriorityFeePerGas, maxFeePerGas) }
}
