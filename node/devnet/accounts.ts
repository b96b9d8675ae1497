import { HDNodeWallet, JsonRpcProvider, Mnemonic, Network, NonceManager, type Provider } from 'ethers'

/** The well-known words of anvil, Hardhat and others. Whoever can reach the chain owns these accounts. */
const mnemonic = Mnemonic.fromPhrase('test test test test test test test test test test test junk')

/** The `index`-th development account: 0 deploys and pays for jobs, 1 and up are the workers'. */
export function devWallet(index: number): HDNodeWallet {
  return HDNodeWallet.fromMnemonic(mnemonic, `m/44'/60'/0'/0/${index}`)
}

/**
 * A development account that sends transactions one after another without waiting for each. Only for a chain of
 * one's own: a transaction that fails to be sent leaves a gap in its numbers.
 */
export function devSigner(index: number, provider: Provider): NonceManager {
  return new NonceManager(devWallet(index).connect(provider))
}

/** A provider for a chain on this machine: answers are never cached, and receipts are looked for every 50 ms. */
export function devProvider(rpc: string, chainId: number): JsonRpcProvider {
  return new JsonRpcProvider(rpc, Network.from(chainId), {
    staticNetwork: true,
    batchStallTime: 0,
    cacheTimeout: -1,
    pollingInterval: 50
  })
}
