import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { type FaultProxy, startFaultProxy } from '../../../node/testnet/chaos/fault-proxy.js'
import { createChainClient } from '../../../src/chain/provider.js'
import { type EndpointRpc, rpc } from '../../../src/chain/rpc.js'
import {
  ChainUnavailableError,
  type Clock,
  systemClock,
  WrongChainError
} from '../../../src/interface/index.js'
import { type OracleChain, startOracleChain } from '../../helpers/oracle-chain.js'
import { silentLogger } from '../../helpers/silent-logger.js'

let oracle: OracleChain
let proxy: FaultProxy
let transport: EndpointRpc
let said: { level: string; message: string; fields: object }[]
/** Back-off without waiting. */
const hastyClock: Clock = { ...systemClock, schedule: (_, callback) => systemClock.schedule(0, callback) }
const blockNumber = { method: 'eth_blockNumber', params: [] }

beforeAll(async () => {
  oracle = await startOracleChain()
})
afterAll(async () => {
  await oracle.stop()
})
beforeEach(async () => {
  proxy = await startFaultProxy(oracle.anvil.url)
  said = []
  transport = rpc({ url: proxy.url, timeoutMs: 5_000 })({
    log: silentLogger(said),
    clock: hastyClock,
    random: () => 0.5
  })
})
afterEach(async () => {
  transport.close()
  await proxy.stop()
})

const tooMany = { status: 429, body: 'slow down' }

test('rpc: 429, 5xx, cut connections and nonsense are tried again', async () => {
  for (const fault of [tooMany, { status: 503, body: '' }, 'cut' as const, { status: 200, body: '<html>' }]) {
    const first = proxy.requests() + 1
    proxy.setMode(count => (count < first + 2 ? fault : 'pass'))
    const [answer] = await transport.send([blockNumber])
    expect(answer).toHaveProperty('result')
    expect(proxy.requests()).toBe(first + 2)
  }
})

test('rpc: an outage is said once, and its end once', async () => {
  const infos: string[] = []
  transport.close()
  const log = { ...silentLogger(said), info: (_: object, message: string) => infos.push(message) }
  transport = rpc({ url: proxy.url })({ log, clock: hastyClock, random: () => 0 })
  proxy.setMode('cut')
  expect(transport.health()).toEqual({ answeredMs: undefined, isDown: false })
  for (let i = 0; i < 3; i++)
    await expect(transport.send([blockNumber])).rejects.toThrow(ChainUnavailableError)
  expect(transport.health()).toEqual({ answeredMs: undefined, isDown: true })
  expect(said.map(({ message }) => message)).toEqual(['The RPC endpoint is down; trying again with back-off'])
  proxy.setMode('pass')
  await transport.send([blockNumber])
  await transport.send([blockNumber])
  expect(infos).toEqual(['The RPC endpoint is back'])
  expect(transport.health()).toEqual({ answeredMs: expect.any(Number), isDown: false })
})

test('rpc: a revert is an answer, and is not tried again', async () => {
  const [answer] = await transport.send([
    { method: 'eth_call', params: [{ to: oracle.network.oracle, data: '0xdeadbeef' }, 'latest'] }
  ])
  expect(answer).toHaveProperty('failure')
  expect(proxy.requests()).toBe(1)
})

test('rpc: 4xx is not tried again, and neither path nor password of the URL is shown', async () => {
  transport.close()
  const url = `${proxy.url.replace('//', '//user:password@')}/v3/secret`
  transport = rpc({ url })({ log: silentLogger(said), clock: hastyClock, random: () => 0 })
  proxy.setMode({ status: 401, body: 'no' })
  const error = await transport.send([blockNumber]).catch((err: unknown) => err)
  expect(error).toBeInstanceOf(ChainUnavailableError)
  expect(proxy.requests()).toBe(1)
  expect(String(error)).not.toMatch(/secret|password/)
})

test('rpc: no answer in time is an error, and an abort ends the wait', async () => {
  transport.close()
  transport = rpc({ url: proxy.url, timeoutMs: 50, maxAttempts: 2 })({
    log: silentLogger(said),
    clock: hastyClock,
    random: () => 0
  })
  proxy.setMode('hang')
  await expect(transport.send([blockNumber])).rejects.toThrow('no answer in 50 ms')
  const patient = rpc({ url: proxy.url })({ log: silentLogger(), clock: systemClock, random: () => 0 })
  const abort = new AbortController()
  const waiting = patient.send([blockNumber], abort.signal)
  abort.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  const closed = patient.send([blockNumber])
  patient.close()
  await expect(closed).rejects.toThrow(ChainUnavailableError)
})

test('rpc: many calls go in batches of a hundred, and the answers keep their order', async () => {
  const calls = Array.from({ length: 250 }, (_, i) => ({
    method: 'eth_getTransactionCount',
    params: [i === 249 ? oracle.workers[0]?.address : `0x${i.toString(16).padStart(40, '0')}`, 'latest']
  }))
  const answers = await transport.send(calls)
  expect(proxy.requests()).toBe(3)
  expect(answers.map(answer => 'result' in answer && Number(answer.result))).toEqual([
    ...Array(249).fill(0),
    1
  ])
})

test('rpc: calls that a limit refused inside a batch are asked again, without the others', async () => {
  const bodies: { id: number; method: string }[][] = []
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', chunk => {
      text += chunk
    })
    request.on('end', () => {
      const parsed = JSON.parse(text) as { id: number; method: string } | { id: number; method: string }[]
      const list = Array.isArray(parsed) ? parsed : [parsed]
      bodies.push(list)
      const answers = list.map(({ id, method }) =>
        bodies.length === 1 && method === 'b'
          ? { jsonrpc: '2.0', id, error: { code: -32005, message: 'limit exceeded' } }
          : { jsonrpc: '2.0', id, result: method }
      )
      response.end(JSON.stringify(Array.isArray(parsed) ? answers.reverse() : answers[0]))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const other = rpc({ url })({ log: silentLogger(), clock: hastyClock, random: () => 0 })
  try {
    const answers = await other.send(['a', 'b', 'c'].map(method => ({ method, params: [] })))
    expect(answers).toEqual([{ result: 'a' }, { result: 'b' }, { result: 'c' }])
    expect(bodies.map(list => list.map(({ method }) => method))).toEqual([['a', 'b', 'c'], ['b']])
  } finally {
    other.close()
    server.close()
    server.closeAllConnections()
  }
})

test('createChainClient: another chain, and an address without a contract, are named', async () => {
  const init = { rpcUrl: oracle.anvil.url, network: oracle.network, pollIntervalMs: 20, log: silentLogger() }
  const network = { ...oracle.network, chainId: 1 }
  await expect(createChainClient({ ...init, network })).rejects.toThrow(/serves chain 31337.*on chain 1/)
  const nowhere = { ...oracle.network, registry: '0x000000000000000000000000000000000000dEaD' as const }
  await expect(createChainClient({ ...init, network: nowhere })).rejects.toThrow(WrongChainError)
})

test('createChainClient: it waits for an endpoint that is down, unless it is told how long', async () => {
  proxy.setMode('cut')
  const init = {
    rpcUrl: proxy.url,
    network: oracle.network,
    pollIntervalMs: 20,
    log: silentLogger(),
    clock: hastyClock
  }
  const before = proxy.requests()
  await expect(createChainClient({ ...init, connectTimeoutMs: 1 })).rejects.toThrow(ChainUnavailableError)
  // Once: where requests are taken and not answered, each costs its whole time.
  expect(proxy.requests()).toBe(before + 1)
  const later = proxy.requests() + 10
  proxy.setMode(count => (count < later ? 'cut' : 'pass'))
  const client = await createChainClient(init)
  expect(await client.provider.getBlockNumber()).toBeGreaterThan(0)
  client.destroy()
  client.destroy()
  await expect(client.rpc.send([blockNumber])).rejects.toThrow(ChainUnavailableError)
})
