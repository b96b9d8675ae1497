import type { JsonRpcApiProvider, Signer } from 'ethers'
import { loadWallet } from '../../src/chain/account.js'
import { createChainClient } from '../../src/chain/provider.js'
import type { ClientConfig } from '../config/resolve.js'
import { createLogger } from '../log.js'
import { createJobQueries, type JobQueries } from './job-queries.js'

/** What the commands that ask the network for something stand on. */
export interface Session {
  provider: JsonRpcApiProvider
  jobs: JobQueries
  /** Throws AccountError. */
  signer(): Promise<Signer>
  close(): void
}

/** A person waits at the terminal: who is refused so long hears it; one request that is not answered takes 15 s. */
const connectTimeoutMs = 5_000

/** Connects to the chain. Throws WrongChainError, ChainUnavailableError. */
export async function openSession(config: ClientConfig, signal: AbortSignal): Promise<Session> {
  const chain = await createChainClient({
    rpcUrl: config.rpc,
    network: config.network,
    pollIntervalMs: 250,
    connectTimeoutMs,
    signal,
    // Its warnings are news for a node; a command ends with the error itself.
    log: createLogger({ ...config.log, level: config.log.level === 'info' ? 'error' : config.log.level })
  })
  return {
    provider: chain.provider,
    jobs: createJobQueries(config.subgraph),
    signer: async () => (await loadWallet(config.account, config.network.chainId)).connect(chain.provider),
    close: () => chain.destroy()
  }
}
