import {
  JsonRpcApiProvider,
  type JsonRpcError,
  type JsonRpcPayload,
  type JsonRpcResult,
  Network,
  type Subscriber,
  type Subscription
} from 'ethers'
import type { Hex } from '../interface/bytes.js'
import { type Clock, systemClock } from '../interface/clock.js'
import { ChainUnavailableError, WrongChainError } from '../interface/errors.js'
import type { Logger } from '../interface/logger.js'
import type { NetworkIdentity } from '../interface/settings.js'
import { type Rpc, type RpcHealth, type RpcInit, rpc } from './rpc.js'
import { resultOf } from './rpc-call.js'
import { genesisCall, genesisHashOf, sameChainRpc } from './same-chain.js'
import { sleep } from './wait.js'

export interface ChainClientInit extends Omit<RpcInit, 'url'> {
  rpcUrl: string
  network: NetworkIdentity
  /** Default true. False before there are any: only the chain id is checked. */
  expectContracts?: boolean
  /** How often ethers looks for new blocks and receipts where it is asked to wait. */
  pollIntervalMs: number
  /** Give up if the endpoint has not answered once in this time. Without it: wait for it, with back-off. */
  connectTimeoutMs?: number
  /** Told once if the endpoint serves another chain later on; nothing is asked or sent any more then. Without it: not watched. */
  onOtherChain?(err: WrongChainError): void
  /** Ends the wait for the endpoint. */
  signal?: AbortSignal
  log: Logger
  clock?: Clock
  random?: () => number
}

/** A connection to the chain that has been checked to be the right one. */
export interface ChainClient {
  network: NetworkIdentity
  /** Of the chain's first block; undefined where the endpoint does not hold it. */
  genesisHash: Hex | undefined
  /** For ethers' contracts and waits. Goes over `rpc`: same limits, same retries. */
  provider: JsonRpcApiProvider
  rpc: Rpc
  health(): RpcHealth
  /** Ends all requests, timers and subscriptions, so that the process can exit. Safe to repeat. */
  destroy(): void
}

/** An idle node looks every 5 s whether a local chain is still the same, and every 200 s at a public endpoint. */
const WATCH_POLLS = 50
const FIRST_CONNECT_BACKOFF_MS = 500
const LAST_CONNECT_BACKOFF_MS = 15_000

/** ethers' provider over our own transport, which has the time-outs, retries and limits that ethers' lacks. */
class TransportProvider extends JsonRpcApiProvider {
  readonly #transport: Rpc
  readonly #pollIntervalMs: number

  constructor(transport: Rpc, chainId: number, pollIntervalMs: number) {
    // A static network: ethers never probes for it, and never prints that it cannot find it.
    super(Network.from(chainId), { staticNetwork: true, batchStallTime: 0, cacheTimeout: -1, polling: true })
    this.#transport = transport
    this.#pollIntervalMs = pollIntervalMs
    this._start()
  }

  override _getSubscriber(subscription: Subscription): Subscriber {
    const subscriber = super._getSubscriber(subscription)
    if ('pollingInterval' in subscriber) subscriber.pollingInterval = this.#pollIntervalMs
    return subscriber
  }

  override async _send(
    payload: JsonRpcPayload | JsonRpcPayload[]
  ): Promise<(JsonRpcResult | JsonRpcError)[]> {
    const payloads = Array.isArray(payload) ? payload : [payload]
    const answers = await this.#transport.send(
      payloads.map(({ method, params }) => ({ method, params: Array.isArray(params) ? params : [] }))
    )
    return payloads.map(({ id }, index) => {
      const answer = answers[index]
      if (answer === undefined) return { id, error: { code: 0, message: 'no answer' } }
      if ('result' in answer) return { id, result: answer.result }
      const { code, message, data } = answer.failure
      return { id, error: { code, message, ...(data === undefined ? {} : { data }) } }
    })
  }
}

/**
 * Connects to an RPC endpoint, and waits for it if it is down.
 *
 * Throws WrongChainError if it serves another chain or holds no contract at the oracle's or registry's address;
 * ChainUnavailableError after `connectTimeoutMs`; the reason of `signal` if it is aborted.
 */
export async function createChainClient(init: ChainClientInit): Promise<ChainClient> {
  const clock = init.clock ?? systemClock
  const random = init.random ?? Math.random
  const endpoint = rpc({ ...init, url: init.rpcUrl })({ log: init.log, clock, random })
  let genesisHash: Hex | undefined
  try {
    genesisHash = await connect(endpoint, init, clock)
  } catch (err) {
    endpoint.close()
    throw err
  }
  const { onOtherChain } = init
  const transport =
    onOtherChain === undefined || genesisHash === undefined
      ? endpoint
      : sameChainRpc(
          { genesisHash, watchMs: WATCH_POLLS * init.pollIntervalMs, onOtherChain },
          { rpc: endpoint, clock }
        )
  const provider = new TransportProvider(transport, init.network.chainId, init.pollIntervalMs)
  return {
    network: init.network,
    genesisHash,
    provider,
    rpc: transport,
    health: endpoint.health,
    destroy() {
      transport.close()
      if (!provider.destroyed) provider.destroy()
    }
  }
}

/** @returns the hash of the chain's first block, where the endpoint holds it */
async function connect(transport: Rpc, init: ChainClientInit, clock: Clock): Promise<Hex | undefined> {
  const giveUpAtMs = clock.steadyMs() + (init.connectTimeoutMs ?? Number.POSITIVE_INFINITY)
  let backoffMs = FIRST_CONNECT_BACKOFF_MS
  for (;;) {
    try {
      return await checkChain(transport, init)
    } catch (err) {
      if (!(err instanceof ChainUnavailableError) || clock.steadyMs() + backoffMs >= giveUpAtMs) throw err
    }
    await sleep(clock, backoffMs, init.signal)
    backoffMs = Math.min(backoffMs * 2, LAST_CONNECT_BACKOFF_MS)
  }
}

async function checkChain(
  transport: Rpc,
  { network, expectContracts = true, signal }: ChainClientInit
): Promise<Hex | undefined> {
  const all = [
    ['oracle', network.oracle],
    ['registry', network.registry]
  ] as const
  const contracts = expectContracts ? all : []
  const [chainAnswer, genesisAnswer, ...codeAnswers] = await transport.send(
    [
      { method: 'eth_chainId', params: [] },
      genesisCall,
      ...contracts.map(([, address]) => ({ method: 'eth_getCode', params: [address, 'latest'] }))
    ],
    signal,
    // `connect` tries again by itself: an endpoint that takes the request and never answers is waited for once, not four times.
    { maxAttempts: 1 }
  )
  const chainId = Number(resultOf(chainAnswer, 'eth_chainId'))
  if (chainId !== network.chainId) {
    throw new WrongChainError(
      `The RPC endpoint serves chain ${chainId}, but the network is on chain ${network.chainId}: check --rpc-url and the network file`
    )
  }
  contracts.forEach(([name, address], index) => {
    const code = resultOf(codeAnswers[index], 'eth_getCode')
    if (typeof code === 'string' && code.length > 2) return
    throw new WrongChainError(
      `Chain ${chainId} has no contract at the ${name} address ${address}: check the network file; if this is a devnet that was started anew, use the network file that it wrote`
    )
  })
  return genesisHashOf(genesisAnswer)
}
