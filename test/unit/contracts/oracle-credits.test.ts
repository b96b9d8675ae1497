import { AbiCoder } from 'ethers'
import { describe, expect, test } from 'vitest'
import { exampleClientAbi, imageToTextAbi, oracleAbi } from '../../../src/chain/abi/index.js'
import { typedContract } from '../../../src/chain/typed-contract.js'
import { FailureCode, type Hex } from '../../../src/interface/index.js'
import {
  ask,
  deployUntyped,
  event,
  events,
  type Fixture,
  failure,
  mined,
  modelPrice,
  oraclePrice,
  price,
  revertOf,
  success,
  useFixture
} from './fixture.js'

let f: Fixture
useFixture(fresh => {
  f = fresh
})

const output = AbiCoder.defaultAbiCoder().encode(['string'], ['text']) as Hex
const nobody = '0x000000000000000000000000000000000000dEaD'
const creditOf = (account: string) => f.oracle.read('creditOf', [account as Hex])

describe('behavior: who is paid', () => {
  test('behavior: a success pays the worker and the model, once', async () => {
    const job = await ask(f)
    const receipt = await mined(
      f.oracle.write('submitResults', [[success(job, output), success(job, output)]])
    )
    expect(events(receipt, f.oracle, 'Credited')).toEqual([
      { account: f.worker.address, jobId: 1n, amount: oraclePrice },
      { account: f.model.address, jobId: 1n, amount: modelPrice }
    ])
    await mined(f.oracle.write('withdraw', [nobody, oraclePrice]))
    expect(await f.provider.getBalance(nobody)).toBe(oraclePrice)
    expect(await creditOf(f.worker.address)).toBe(0n)
    expect(await revertOf(f.oracle.write('withdraw', [nobody, 1n]))).toBe('CreditTooLow')

    await mined(f.model.write('withdraw', [f.oracle.address, nobody]))
    expect(await f.provider.getBalance(nobody)).toBe(price)
    expect(await f.provider.getBalance(f.oracle.address)).toBe(0n)
  })

  test('behavior: a failure pays the client back, and the asker can have it', async () => {
    const job = await ask(f)
    await mined(f.oracle.write('submitResults', [[failure(job, FailureCode.ModelFailed, 'no')]]))
    expect(await creditOf(f.client.address)).toBe(price)
    expect(await creditOf(f.worker.address)).toBe(0n)
    const stranger = typedContract(f.client.address, exampleClientAbi, f.stranger)
    const before = await f.provider.getBalance(f.user.address)
    const receipt = await mined(stranger.write('claimRefund', [1n]))
    expect(event(receipt, f.client, 'Refunded')).toEqual({
      callbackId: 1n,
      asker: f.user.address,
      amount: price
    })
    expect((await f.provider.getBalance(f.user.address)) - before).toBe(price)
    expect(await revertOf(stranger.write('claimRefund', [1n]))).toBe('NothingToRefund')
  })

  test('behavior: there is no refund of an open or answered job', async () => {
    const job = await ask(f)
    expect(await revertOf(f.client.write('claimRefund', [1n]))).toBe('NothingToRefund')
    await mined(f.oracle.write('submitResults', [[success(job, output)]]))
    expect(await revertOf(f.client.write('claimRefund', [1n]))).toBe('NothingToRefund')
    expect(await revertOf(f.client.write('claimRefund', [2n]))).toBe('NothingToRefund')
  })

  test('behavior: a credit can be pushed to who cannot ask for it', async () => {
    const model = typedContract(f.model.address, imageToTextAbi, f.stranger)
    const asked = await mined(model.write('run', ['0x01', 1n, '0x00000000', '0x'], { value: price }))
    const job = event(asked, f.oracle, 'JobCreated')
    await mined(f.oracle.write('submitResults', [[failure(job, FailureCode.ModelFailed, 'no')]]))
    const before = await f.provider.getBalance(f.stranger.address)
    await mined(f.oracle.write('withdrawFor', [f.stranger.address as Hex]))
    expect((await f.provider.getBalance(f.stranger.address)) - before).toBe(price)
  })

  test('behavior: a credit that cannot be sent stays', async () => {
    // RevertingClient takes no ether.
    const client = await deployUntyped(f.user, 'RevertingClient', [f.model.address])
    const asked = await mined(client.getFunction('ask')('0x01', 1n, { value: price }))
    const job = event(asked, f.oracle, 'JobCreated')
    await mined(f.oracle.write('submitResults', [[failure(job, FailureCode.ModelFailed, 'no')]]))
    const address = (await client.getAddress()) as Hex
    expect(await revertOf(f.oracle.write('withdrawFor', [address]))).toBe('TransferFailed')
    expect(await creditOf(address)).toBe(price)
  })

  test('behavior: a payee that withdraws again in the middle gets nothing more', async () => {
    await ask(f)
    const payee = await deployUntyped(f.user, 'ReenteringPayee', [f.model.address])
    const asked = await mined(payee.getFunction('ask')('0x01', { value: price }))
    const job = event(asked, f.oracle, 'JobCreated')
    await mined(f.oracle.write('submitResults', [[failure(job, FailureCode.ModelFailed, 'no')]]))
    const address = (await payee.getAddress()) as Hex
    expect(await f.provider.getBalance(f.oracle.address)).toBe(2n * price)
    expect(await revertOf(f.oracle.write('withdrawFor', [address]))).toBe('TransferFailed')
    expect(await f.provider.getBalance(f.oracle.address)).toBe(2n * price)
  })

  test('behavior: neither owner nor stranger can withdraw what is not theirs', async () => {
    await ask(f)
    for (const signer of [f.owner, f.stranger, f.modelOwner]) {
      const oracle = typedContract(f.oracle.address, oracleAbi, signer)
      expect(await revertOf(oracle.write('withdraw', [nobody, 1n]))).toBe('CreditTooLow')
    }
    const model = typedContract(f.model.address, imageToTextAbi, f.stranger)
    expect(await revertOf(model.write('withdraw', [f.oracle.address, nobody]))).toBe(
      'OwnableUnauthorizedAccount'
    )
  })
})
