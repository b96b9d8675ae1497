import type { Hex } from '../interface/bytes.js'
import type { Clock, Timer } from '../interface/clock.js'
import { ChainUnavailableError, WrongChainError } from '../interface/errors.js'
import type { Rpc } from './rpc.js'
import type { RpcAnswer, RpcCall } from './rpc-call.js'

/** The first block tells chains apart that have one id: each devnet has id 31337. */
export const genesisCall: RpcCall = { method: 'eth_getBlockByNumber', params: ['0x0', false] }

/** Undefined where the endpoint does not hold the first block. */
export function genesisHashOf(answer: RpcAnswer | undefined): Hex | undefined {
  const block = answer !== undefined && 'result' in answer ? answer.result : undefined
  const hash = typeof block === 'object' && block !== null && 'hash' in block ? block.hash : undefined
  return typeof hash === 'string' && /^0x[0-9a-f]{64}$/.test(hash) ? (hash as Hex) : undefined
}

/** Between two looks at the first block while nothing is sent: a call in a thousand on a busy node. */
const RECHECK_MS = 5_000

export interface SameChainInit {
  /** Of the chain that the endpoint served at first. */
  genesisHash: Hex
  /** How often it is looked at where nothing else is asked: a sequencer may ask nothing for long. */
  watchMs: number
  /** Told once that it serves another. */
  onOtherChain(err: WrongChainError): void
}

/**
 * Answers as long as the endpoint serves the chain that it served at first. After that each call throws ChainUnavailableError:
 * nothing of one chain is sent to another, and nothing is read there. It is looked at before each transaction, after each
 * failure, with a read every 5 s, and every `watchMs` in any case.
 */
export function sameChainRpc(
  { genesisHash, watchMs, onOtherChain }: SameChainInit,
  { rpc, clock }: { rpc: Rpc; clock: Clock }
): Rpc {
  let checkedMs = clock.steadyMs()
  let isDoubtful = false
  let isOther = false
  let watch: Timer | undefined

  function refuse(): never {
    throw new ChainUnavailableError('The RPC endpoint serves another chain than at the start of this node')
  }

  function check(answer: RpcAnswer | undefined): void {
    if (isOther) refuse()
    const found = genesisHashOf(answer)
    if (found !== undefined && found !== genesisHash) {
      isOther = true
      onOtherChain(
        new WrongChainError(
          `The RPC endpoint serves another chain than when this node was started (its first block is ${found}, not ${genesisHash}): if this is a devnet that was started again, start the node again, too; else check the endpoint`
        )
      )
      refuse()
    }
    isDoubtful = false
    checkedMs = clock.steadyMs()
  }

  async function send(calls: RpcCall[], signal?: AbortSignal): Promise<RpcAnswer[]> {
    if (calls.some(({ method }) => method === 'eth_sendRawTransaction')) {
      const [genesis] = await rpc.send([genesisCall], signal)
      check(genesis)
      // Tried again, it might come to another chain than the one that was just looked at.
      return await rpc.send(calls, signal, { maxAttempts: 1 })
    }
    if (!isDoubtful && clock.steadyMs() - checkedMs < RECHECK_MS) return await rpc.send(calls, signal)
    const [genesis, ...answers] = await rpc.send([genesisCall, ...calls], signal)
    check(genesis)
    return answers
  }

  async function guarded(calls: RpcCall[], signal?: AbortSignal): Promise<RpcAnswer[]> {
    if (isOther) refuse()
    try {
      const answers = await send(calls, signal)
      return isOther ? refuse() : answers
    } catch (err) {
      isDoubtful = true
      throw err
    }
  }

  function watchOn(): void {
    watch = clock.schedule(watchMs, () => {
      // The transport says by itself that an endpoint is down.
      const looked = clock.steadyMs() - checkedMs < watchMs ? Promise.resolve([]) : guarded([genesisCall])
      const goOn = (): void => {
        if (!isOther && watch !== undefined) watchOn()
      }
      looked.then(goOn, goOn)
    })
  }

  watchOn()
  return {
    send: guarded,
    close() {
      watch?.cancel()
      watch = undefined
      rpc.close()
    }
  }
}
