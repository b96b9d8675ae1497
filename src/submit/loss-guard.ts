import type { Hex } from '../interface/bytes.js'
import type { GasPrice, WorkerStanding } from '../interface/submission-chain.js'
import type { AccountCheck } from './account-check.js'
import { expectedPerGas } from './fees.js'
import type { SubmitSettings } from './settings.js'

/** `dear`: gas is, so that nothing is worth sending now. `item`: what the callbacks of these very items use. */
export type Loss = 'none' | 'dear' | 'item'

/**
 * Says whether a transaction would lose more than it may. A client chooses what its callback does with the gas that it is sure
 * of, up to the Oracle's limit, and the worker pays for it. A failure pays the worker nothing, but counts as if it did: a
 * job that nobody can do would else be run by every worker.
 */
export function lossGuard(
  { maxCostFactor }: SubmitSettings,
  { check, standing }: { check: AccountCheck; standing?: WorkerStanding | undefined }
): (call: { data: Hex; items: number; gas: bigint }, price: GasPrice, signal: AbortSignal) => Promise<Loss> {
  return async ({ data, items, gas }, price, signal) => {
    const pay = check.pay()
    if (maxCostFactor === 0 || pay === undefined || standing === undefined) return 'none'
    const allowed = pay * BigInt(items) * BigInt(maxCostFactor)
    // Mostly that is all that needs to be known: the estimate holds the callbacks' gas, used or not.
    if (gas * expectedPerGas(price) <= allowed) return 'none'
    if (check.isTooDear(price)) return 'dear'
    const used = await standing.gasUsed(data, signal)
    return used === undefined || used * expectedPerGas(price) <= allowed ? 'none' : 'item'
  }
}
