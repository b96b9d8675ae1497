import { Contract, ContractFactory, type InterfaceAbi } from 'ethers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadWallet } from '../../../src/chain/account.js'
import { contractReader } from '../../../src/chain/contract-reader.js'
import type { Rpc } from '../../../src/chain/rpc.js'
import {
  type Address,
  ChainUnavailableError,
  type ContractReader,
  FailureCode,
  type Hex,
  JobFailedError,
  systemClock
} from '../../../src/interface/index.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { type OracleChain, startOracleChain } from '../../helpers/oracle-chain.js'
import { silentLogger } from '../../helpers/silent-logger.js'
import { artifact } from '../contracts/fixture.js'

let chain: OracleChain
let boards: Contract
let to: Address
const { signal } = new AbortController()

beforeAll(async () => {
  chain = await startOracleChain()
  const wallet = (await loadWallet({ kind: 'development', index: 1 }, 31_337)).connect(chain.client.provider)
  const { abi, bytecode } = artifact('HostileBoards')
  const contract = await new ContractFactory(abi as InterfaceAbi, bytecode, wallet).deploy()
  await contract.waitForDeployment()
  to = (await contract.getAddress()) as Address
  boards = new Contract(to, abi as InterfaceAbi, wallet)
})
afterAll(() => chain.stop())

function reader(rpc: Rpc = chain.client.rpc, said: Parameters<typeof silentLogger>[0] = []): ContractReader {
  return contractReader({ network: chain.network })({ rpc, clock: systemClock, logger: silentLogger(said) })
}

const dataOf = (name: string): Hex => boards.interface.encodeFunctionData(name) as Hex
const read = (name: string, at: Hex, from = reader()) =>
  from.readContracts([{ to, data: dataOf(name) }], at, signal)
const latestHash = async (): Promise<Hex> =>
  ((await chain.rpc('eth_getBlockByNumber', ['latest', false])) as { hash: Hex }).hash

/** The block in which the value was set. */
async function setValue(value: number): Promise<Hex> {
  const receipt = await (await boards.getFunction('setValue')(value)).wait()
  return receipt.blockHash
}

async function failureOf(running: Promise<unknown>): Promise<JobFailedError> {
  const err = await running.catch((caught: unknown) => caught)
  if (!(err instanceof JobFailedError)) throw new Error(`not a JobFailedError: ${String(err)}`)
  return err
}

/** An endpoint that has thrown away the state of all blocks but the latest. */
function pruned(): Rpc {
  const { rpc } = chain.client
  return {
    ...rpc,
    send: async (calls, ...more) =>
      calls.some(({ params }) => params[1] !== 'latest')
        ? calls.map(() => ({ failure: { code: -32_000, message: 'missing trie node', data: undefined } }))
        : rpc.send(calls, ...more)
  }
}

describe('what a job reads of contracts', () => {
  it('behavior: a contract is read as it stood at the job’s block, whatever has come since', async () => {
    const first = await setValue(7)
    const second = await setValue(8)
    expect(await Promise.all([first, second].map(hash => read('value', hash)))).toEqual([
      [Buffer.from('7'.padStart(64, '0'), 'hex')],
      [Buffer.from('8'.padStart(64, '0'), 'hex')]
    ])
  })

  it('behavior: an endpoint without the state of that block is asked for the latest, and the log says so', async () => {
    const first = await setValue(7)
    await setValue(8)
    const said: { level: string; message: string; fields: object }[] = []
    const [answer] = await read('value', first, reader(pruned(), said))
    expect(answer?.at(-1)).toBe(8)
    expect(said).toMatchObject([{ level: 'warn', message: expect.stringContaining('latest block') }])
  })

  it.each([
    ['refusing', /did not answer: .*revert/i],
    ['burning', /did not answer/],
    ['invalid', /did not answer/],
    ['huge', /answered with 1048576 bytes: at most 16384/],
    ['silent', /answered nothing/]
  ])('behavior: a contract that is %s fails the job with a code, and soon', async (name, message) => {
    const err = await failureOf(read(name, await latestHash()))
    expect(err.failureCode).toBe(FailureCode.InvalidInput)
    expect(err.message).toMatch(message)
    // So does it where the state of the block is gone.
    const again = await failureOf(read(name, await latestHash(), reader(pruned())))
    expect(again.message).toMatch(message)
  })

  it('behavior: a contract is given five million gas, and no more', async () => {
    const [answer] = await read('remaining', await latestHash())
    const remaining = Number(BigInt(`0x${answer === undefined ? '' : Buffer.from(answer).toString('hex')}`))
    expect(remaining).toBeGreaterThan(4_900_000)
    expect(remaining).toBeLessThan(5_000_000)
  })

  it('behavior: an account that is no contract fails the job', async () => {
    const calls = [{ to: chain.workers[0]?.address ?? to, data: dataOf('value') }]
    const err = await failureOf(reader().readContracts(calls, await latestHash(), signal))
    expect(err.message).toContain('there is no contract')
  })

  it('behavior: calls beyond the limit are not made', async () => {
    const calls = Array.from({ length: 17 }, () => ({ to, data: dataOf('value') }))
    const err = await failureOf(reader().readContracts(calls, await latestHash(), signal))
    expect(err.message).toContain('17 reads')
    expect(await reader().readContracts(calls.slice(1), await latestHash(), signal)).toHaveLength(16)
  })

  it.each([
    ['a result that is no hex', { result: '0xzz' }],
    ['a result of half a byte', { result: '0x123' }],
    ['a result that is no text', { result: { a: 1 } }]
  ])('behavior: an endpoint’s %s is not passed on', async (_, answer) => {
    const lying: Rpc = {
      ...chain.client.rpc,
      send: async calls => calls.map((_call, index) => (index === 0 ? { result: '0x01' } : answer))
    }
    expect((await failureOf(read('value', to, reader(lying)))).message).toContain('nonsense')
  })

  it('behavior: an endpoint that answers nothing, or never, is not the job’s fault', async () => {
    const refusing: Rpc = {
      ...chain.client.rpc,
      send: async calls => calls.map(() => ({ failure: { code: 0, message: 'no', data: undefined } }))
    }
    await expect(read('value', to, reader(refusing))).rejects.toThrow(ChainUnavailableError)

    const clock = manualClock()
    const silent: Rpc = { ...chain.client.rpc, send: () => new Promise(() => undefined) }
    const waiting = contractReader({ network: chain.network, timeoutMs: 5_000 })({
      rpc: silent,
      clock,
      logger: silentLogger()
    }).readContracts([{ to, data: dataOf('value') }], to, signal)
    const ended = expect(waiting).rejects.toThrow('within 5000 ms')
    await clock.advance(5_001)
    await ended
  })

  it('behavior: it ends at once when the run is aborted', async () => {
    const aborter = new AbortController()
    const hanging: Rpc = {
      ...chain.client.rpc,
      send: (_, under) =>
        new Promise((_resolve, reject) => under?.addEventListener('abort', () => reject(under.reason)))
    }
    const waiting = reader(hanging).readContracts([{ to, data: dataOf('value') }], to, aborter.signal)
    const reason = new Error('the lease was lost')
    aborter.abort(reason)
    await expect(waiting).rejects.toBe(reason)
  })
})
