import { expect, test } from 'vitest'
import type { Rpc } from '../../../src/chain/rpc.js'
import type { RpcCall } from '../../../src/chain/rpc-call.js'
import { sameChainRpc } from '../../../src/chain/same-chain.js'
import { ChainUnavailableError, type Hex, type WrongChainError } from '../../../src/interface/index.js'
import { manualClock } from '../../helpers/manual-clock.js'

const first: Hex = `0x${'11'.repeat(32)}`
const second: Hex = `0x${'22'.repeat(32)}`
const head: RpcCall = { method: 'eth_blockNumber', params: [] }
const transaction: RpcCall = { method: 'eth_sendRawTransaction', params: ['0x00'] }

/** An endpoint whose chain can be exchanged, and all that it was asked. */
function setup() {
  const endpoint = { genesisHash: first as Hex | null, isDown: false }
  const asked: { methods: string[]; maxAttempts: number | undefined }[] = []
  const told: WrongChainError[] = []
  const clock = manualClock()
  const rpc: Rpc = {
    async send(calls, _signal, options) {
      if (endpoint.isDown) throw new ChainUnavailableError('down')
      asked.push({ methods: calls.map(({ method }) => method), maxAttempts: options?.maxAttempts })
      return calls.map(({ method }) => ({
        result:
          method !== 'eth_getBlockByNumber'
            ? '0x1'
            : endpoint.genesisHash === null
              ? null
              : { hash: endpoint.genesisHash }
      }))
    },
    close() {}
  }
  const init = { genesisHash: first, watchMs: 60_000, onOtherChain: (err: WrongChainError) => told.push(err) }
  const sent = () => asked.filter(({ methods }) => methods.includes('eth_sendRawTransaction'))
  return { endpoint, asked, told, sent, clock, rpc: sameChainRpc(init, { rpc, clock }) }
}

test('behavior: a transaction is never sent to a chain that took the place of the first, nor is anything read there', async () => {
  const { endpoint, rpc, told, sent, asked } = setup()
  expect(await rpc.send([transaction])).toEqual([{ result: '0x1' }])
  // A transport that tried again by itself might come to the other chain.
  expect(sent()).toEqual([{ methods: ['eth_sendRawTransaction'], maxAttempts: 1 }])

  endpoint.genesisHash = second
  await expect(rpc.send([transaction])).rejects.toThrow(ChainUnavailableError)
  expect(sent()).toHaveLength(1)
  expect(told).toMatchObject([{ code: 'BUFFALO_ERR_WRONG_CHAIN' }])
  expect(told[0]?.message).toMatch(/devnet that was started again, start the node again/)

  const count = asked.length
  endpoint.genesisHash = first
  await expect(rpc.send([head])).rejects.toThrow(ChainUnavailableError)
  expect(asked).toHaveLength(count)
  expect(told).toHaveLength(1)
})

test('behavior: reads look at the chain after a failure, and now and then', async () => {
  const { endpoint, rpc, told, asked, clock } = setup()
  await rpc.send([head])
  expect(asked.at(-1)?.methods).toEqual(['eth_blockNumber'])
  endpoint.isDown = true
  await expect(rpc.send([head])).rejects.toThrow('down')
  endpoint.isDown = false
  expect(await rpc.send([head])).toEqual([{ result: '0x1' }])
  expect(asked.at(-1)?.methods).toEqual(['eth_getBlockByNumber', 'eth_blockNumber'])

  endpoint.genesisHash = second
  expect(await rpc.send([head])).toHaveLength(1)
  await clock.advance(5_000)
  await expect(rpc.send([head])).rejects.toThrow(ChainUnavailableError)
  expect(told).toHaveLength(1)
})

test('behavior: an endpoint that has lost its first block is not taken for another chain', async () => {
  const { endpoint, rpc, told, sent } = setup()
  endpoint.genesisHash = null
  await rpc.send([transaction])
  expect(sent()).toHaveLength(1)
  expect(told).toEqual([])
})

test('behavior: a node that asks nothing notices all the same, also after an outage, and no more once it has ended', async () => {
  const { endpoint, rpc, told, asked, clock } = setup()
  await clock.advance(60_000)
  expect(asked).toHaveLength(1)
  endpoint.isDown = true
  await clock.advance(120_000)
  endpoint.isDown = false
  endpoint.genesisHash = second
  await clock.advance(60_000)
  expect(told).toHaveLength(1)

  const other = setup()
  other.rpc.close()
  await other.clock.advance(600_000)
  expect(other.asked).toEqual([])
  rpc.close()
})
