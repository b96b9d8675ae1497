import { AbiCoder, keccak256 } from 'ethers'
import { describe, expect, test } from 'vitest'
import { oracleLimits } from '../../../node/devnet/oracle-limits.js'
import { exampleClientAbi, imageToTextAbi, workerRegistryAbi } from '../../../src/chain/abi/index.js'
import { typedContract } from '../../../src/chain/typed-contract.js'
import type { Hex } from '../../../src/interface/index.js'
import {
  ask,
  deploy,
  event,
  events,
  type Fixture,
  mined,
  peerKey,
  price,
  revertOf,
  settings,
  success,
  useFixture
} from './fixture.js'

let f: Fixture
useFixture(fresh => {
  f = fresh
})

const output = AbiCoder.defaultAbiCoder().encode(['string'], ['text']) as Hex
const otherKey: Hex = `0x${'22'.repeat(32)}`
const zeroKey: Hex = `0x${'00'.repeat(32)}`

describe('behavior: the example client', () => {
  test('behavior: it numbers its requests and remembers who asked', async () => {
    const receipt = await mined(f.client.write('ask', ['0x01', '0x'], { value: price }))
    expect(event(receipt, f.client, 'Asked')).toEqual({ callbackId: 1n, asker: f.user.address, jobId: 1n })
    const stranger = typedContract(f.client.address, exampleClientAbi, f.stranger)
    const args = ['https://example.com/a.png', '0x'] as const
    const second = await mined(stranger.write('askFromLocation', args, { value: price }))
    expect(event(second, f.client, 'Asked')).toEqual({ callbackId: 2n, asker: f.stranger.address, jobId: 2n })
    expect(await f.client.read('count', [])).toBe(2n)
    expect(await f.client.read('answers', [2n])).toEqual({
      asker: f.stranger.address,
      oracle: f.oracle.address,
      jobId: 2n,
      paid: price,
      answered: false,
      data: '0x',
      dataHash: zeroKey,
      failureCode: 0,
      failureReason: ''
    })
    const job = event(second, f.oracle, 'JobCreated')
    await mined(f.oracle.write('submitResults', [[success(job, output)]]))
    expect(await f.client.read('answers', [2n])).toMatchObject({ answered: true, data: output })
    expect(await f.client.read('answers', [1n])).toMatchObject({ answered: false })
  })

  test('behavior: only the oracle calls back', async () => {
    await ask(f)
    for (const signer of [f.user, f.worker, f.owner, f.modelOwner]) {
      const client = typedContract(f.client.address, exampleClientAbi, signer)
      expect(await revertOf(client.write('onAnswer', [1n, output]))).toBe('NotTheOracle')
      expect(await revertOf(client.write('onJobFailed', [1n, 1, 'no']))).toBe('NotTheOracle')
      expect(await revertOf(client.write('onAnswer', [9n, output]))).toBe('NotTheOracle')
    }
  })

  test('behavior: the first answer stands, and an id that was never asked has none', async () => {
    const job = await ask(f)
    await mined(f.oracle.write('submitResults', [[success(job, output)]]))
    const oracle = f.oracle.address
    const client = typedContract(f.client.address, exampleClientAbi, f.provider)
    // As the oracle would, which never does it twice.
    expect(await revertOf(client.read('onAnswer', [1n, '0x01'], { from: oracle }))).toBe('AlreadyAnswered')
    expect(await revertOf(client.read('onJobFailed', [1n, 1, ''], { from: oracle }))).toBe('AlreadyAnswered')
    expect(await revertOf(client.read('onAnswer', [2n, '0x01'], { from: oracle }))).toBe('NotTheOracle')
  })

  test('behavior: a request under way is answered by the oracle that took it, though the model moved', async () => {
    const job = await ask(f)
    const other = await deploy(f.owner, 'Oracle', [f.owner.address, f.registry.address, settings])
    const admin = typedContract(f.model.address, imageToTextAbi, f.oracleAdmin)
    await mined(admin.write('setOracle', [other]))
    const client = typedContract(f.client.address, exampleClientAbi, f.provider)
    expect(await revertOf(client.read('onAnswer', [1n, output], { from: other }))).toBe('NotTheOracle')
    await mined(f.oracle.write('submitResults', [[success(job, output)]]))
    expect(await f.client.read('answers', [1n])).toMatchObject({ answered: true, data: output })
  })

  /** Answers a request for each size, with an output of so many bytes, and a callback gas limit. What the client keeps of each. */
  async function kept(sizes: number[], callbackGasLimit: number): Promise<('whole' | 'hash')[]> {
    await mined(
      f.oracleAsOwner.write('setSettings', [{ ...settings, maxOutputBytes: 65_536, callbackGasLimit }])
    )
    const found: ('whole' | 'hash')[] = []
    for (const size of sizes) {
      const job = await ask(f)
      const data: Hex = `0x${'a5'.repeat(size)}`
      const gasLimit = BigInt(callbackGasLimit) + 5_000_000n
      const receipt = await mined(f.oracle.write('submitResults', [[success(job, data)]], { gasLimit }))
      const callbackId = await f.client.read('count', [])
      const answer = await f.client.read('answers', [callbackId])
      const isWhole = answer.data !== '0x'
      expect(answer, `${size} bytes`).toMatchObject({ answered: true, dataHash: keccak256(data) })
      expect(answer.data, `${size} bytes`).toBe(isWhole ? data : '0x')
      expect(event(receipt, f.client, 'Answered')).toEqual({
        callbackId,
        dataHash: keccak256(data),
        data: answer.data
      })
      // The bytes of a long one are here.
      expect(event(receipt, f.oracle, 'JobSucceeded').output).toBe(data)
      found.push(isWhole ? 'whole' : 'hash')
    }
    return found
  }

  test('behavior: an answer too long for its callback’s gas is answered too, with its hash', async () => {
    // About 4 KB is what README.md and docs/contracts.md promise.
    const { callbackGasLimit } = oracleLimits
    const sizes = [4_000, 4_300, 64 * 1024]
    expect(await kept(sizes, callbackGasLimit)).toEqual(['whole', 'hash', 'hash'])
  })

  test('behavior: around the longest answer that can be stored, none is lost', async () => {
    const sizes = [31, 32, 63, 64, 65, 96, 97, 127, 128, 160, 192, 224, 256]
    const found = await kept(sizes, 200_000)
    expect(found[0]).toBe('whole')
    expect(found.join()).toMatch(/^(whole,)+(hash,)+hash$/u)
  })
})

describe('behavior: the worker registry', () => {
  test('behavior: an account names its key, replaces it, and leaves', async () => {
    const account = f.worker.address as Hex
    const other = f.stranger.address as Hex
    expect(await f.registry.read('peerKeyOf', [account])).toBe(peerKey)
    expect(await f.registry.read('peerKeysOf', [[account, other]])).toEqual([peerKey, zeroKey])

    const replaced = await mined(f.registry.write('register', [otherKey]))
    expect(event(replaced, f.registry, 'WorkerUnregistered')).toEqual({ account, peerKey })
    expect(event(replaced, f.registry, 'WorkerRegistered')).toEqual({ account, peerKey: otherKey })
    const repeated = await mined(f.registry.write('register', [otherKey]))
    expect(events(repeated, f.registry, 'WorkerUnregistered')).toEqual([])

    const left = await mined(f.registry.write('unregister', []))
    expect(event(left, f.registry, 'WorkerUnregistered')).toEqual({ account, peerKey: otherKey })
    expect(await f.registry.read('peerKeyOf', [account])).toBe(zeroKey)
    expect(await revertOf(f.registry.write('unregister', []))).toBe('NotRegistered')
    expect(await revertOf(f.registry.write('register', [zeroKey]))).toBe('ZeroPeerKey')
  })

  test('behavior: nobody registers for another', async () => {
    const stranger = typedContract(f.registry.address, workerRegistryAbi, f.stranger)
    await mined(stranger.write('register', [peerKey]))
    expect(await f.registry.read('peerKeyOf', [f.worker.address as Hex])).toBe(peerKey)
    await mined(stranger.write('unregister', []))
    expect(await f.registry.read('peerKeyOf', [f.worker.address as Hex])).toBe(peerKey)
  })
})
