import type { JsonRpcProvider } from 'ethers'
import type { ReorgKeep } from './schedule.js'

/**
 * Replaces the newest `depth` blocks of anvil by others, in which only some of the transactions are mined again, and at
 * other places. What is left out has never happened, and is in no mempool: who sent it must send it again.
 */
export async function reorganise(
  provider: JsonRpcProvider,
  init: { depth: number; keep: ReorgKeep; workers: Set<string> }
): Promise<void> {
  const { depth, keep, workers } = init
  const head = await provider.getBlockNumber()
  const kept: string[] = []
  for (let number = head - depth + 1; number <= head && keep !== 'none'; number++) {
    const block = await provider.getBlock(number, true)
    for (const transaction of block?.prefetchedTransactions ?? []) {
      if (keep === 'clients' && workers.has(transaction.from.toLowerCase())) continue
      kept.push(String(await provider.send('eth_getRawTransactionByHash', [transaction.hash])))
    }
  }
  // All in the last block: each has another block than before, but those that were there already.
  await provider.send('anvil_reorg', [depth, kept.map(raw => [raw, depth - 1])])
}
