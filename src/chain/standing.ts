import type { Address, PeerKey } from '../interface/bytes.js'
import { ChainUnavailableError } from '../interface/errors.js'
import type { NetworkIdentity } from '../interface/settings.js'
import type { Standing, WorkerStanding } from '../interface/submission-chain.js'
import { oracleInterface, registryInterface } from './interfaces.js'
import type { Rpc } from './rpc.js'
import { type RpcCall, resultOf } from './rpc-call.js'

export interface WorkerStandingInit {
  network: NetworkIdentity
  account: Address
  /** Of this node. */
  peerKey: PeerKey
}

/** How a worker's account stands with the contracts, over JSON-RPC: one request a look. */
export function workerStanding({
  network,
  account,
  peerKey
}: WorkerStandingInit): (components: { rpc: Rpc }) => WorkerStanding {
  const { oracle, registry } = network
  const peerKeyOf = registryInterface.encodeFunctionData('peerKeyOf', [account])
  const settings = oracleInterface.encodeFunctionData('settings')
  const read = (to: Address, data: string): RpcCall => ({
    method: 'eth_call',
    params: [{ to, data }, 'latest']
  })
  return ({ rpc }) => ({
    async look(signal) {
      const [named, limits] = await rpc.send([read(registry, peerKeyOf), read(oracle, settings)], signal)
      const key = String(resultOf(named, 'peerKeyOf'))
      if (!/^0x[0-9a-f]{64}$/.test(key)) {
        throw new ChainUnavailableError(
          'The RPC endpoint answered peerKeyOf with what the registry cannot have said'
        )
      }
      const registered = key === `0x${peerKey}` ? 'own' : BigInt(key) === 0n ? 'none' : 'another'
      return { registered, ...readSettings(resultOf(limits, 'settings')) }
    },
    async gasUsed(data, signal) {
      // eth_estimateGas would say what must be sent along, of which the callback's part is mostly given back.
      const transaction = { from: account, to: oracle, data }
      const [answer] = await rpc.send(
        [{ method: 'eth_createAccessList', params: [transaction, 'latest'] }],
        signal
      )
      const found = answer !== undefined && 'result' in answer ? answer.result : undefined
      const { gasUsed, error } = (found ?? {}) as Record<string, unknown>
      const isNumber = typeof gasUsed === 'string' && /^0x[0-9a-f]{1,16}$/i.test(gasUsed)
      return isNumber && error === undefined ? BigInt(gasUsed) : undefined
    }
  })
}

function readSettings(answer: unknown): Pick<Standing, 'callbackGasLimit' | 'price'> {
  try {
    const [{ callbackGasLimit, price }] = oracleInterface.decodeFunctionResult('settings', String(answer))
    return { callbackGasLimit: BigInt(callbackGasLimit), price: BigInt(price) }
  } catch (cause) {
    throw new ChainUnavailableError(
      'The RPC endpoint answered settings with what the Oracle cannot have said',
      { cause }
    )
  }
}
