import { AbiCoder, keccak256, toUtf8Bytes } from 'ethers'
import { describe, expect, test } from 'vitest'
import { JobStatus } from '../../../src/interface/index.js'
import {
  ask,
  deploy,
  deployUntyped,
  event,
  type Fixture,
  manifest,
  mined,
  modelPrice,
  oraclePrice,
  price,
  revertOf,
  settings,
  useFixture
} from './fixture.js'

let f: Fixture
useFixture(fresh => {
  f = fresh
})

const coder = AbiCoder.defaultAbiCoder()

/** A request as the example client's `ask` makes it. */
function requestOf(callbackAddress: string, callbackId: bigint, image: string, seed: string) {
  return {
    modelCategory: 5,
    seed,
    modelConfigLocation: manifest,
    inputDataLocationType: 2,
    input: coder.encode(['bytes'], [image]),
    outputDataLocationType: 2,
    outputDataFormat: 0,
    callbackAddress,
    callbackId,
    callbackFunction: keccak256(toUtf8Bytes('onAnswer(uint256,bytes)')).slice(0, 10)
  }
}

describe('behavior: a request', () => {
  test('behavior: JobCreated says all that a worker needs', async () => {
    const created = await ask(f, '0x89504e47', '0x5eed')
    const block = await f.provider.getBlock('latest')
    expect(created).toMatchObject({
      jobId: 1n,
      model: f.model.address,
      callbackAddress: f.client.address,
      modelCategory: 5,
      seed: '0x5eed',
      modelConfigLocation: manifest,
      inputDataLocationType: 2,
      input: coder.encode(['bytes'], ['0x89504e47']),
      outputDataLocationType: 2,
      outputDataFormat: 0,
      createdTimestamp: BigInt(block?.timestamp ?? 0),
      deadline: BigInt((block?.timestamp ?? 0) + settings.jobTimeoutSeconds),
      payment: price,
      redundancy: 1
    })
    expect(await f.oracle.read('jobCount', [])).toBe(1n)
    expect(await f.oracle.read('jobStatuses', [[0n, 1n, 2n]])).toEqual([
      JobStatus.None,
      JobStatus.Open,
      JobStatus.None
    ])
    expect(await f.oracle.read('getJob', [1n])).toMatchObject({
      requestHash: created.requestHash,
      callbackAddress: f.client.address,
      callbackId: 1n,
      deadline: Number(created.deadline),
      model: f.model.address,
      modelPayment: modelPrice,
      oraclePayment: oraclePrice
    })
  })

  test('behavior: the request hash is the one that the interface documents, and stays when a reorg mines it again', async () => {
    const snapshot = await f.provider.send('evm_snapshot', [])
    const first = await ask(f, '0x01', '0x5eed')
    const request =
      'tuple(uint8 modelCategory,bytes seed,string modelConfigLocation,uint8 inputDataLocationType,bytes input,' +
      'uint8 outputDataLocationType,uint8 outputDataFormat,address callbackAddress,uint256 callbackId,bytes4 callbackFunction)'
    const inner = keccak256(coder.encode([request], [requestOf(f.client.address, 1n, '0x01', '0x5eed')]))
    const expected = keccak256(
      coder.encode(
        ['uint256', 'address', 'uint256', 'address', 'bytes32', 'uint8'],
        [31_337, f.oracle.address, 1, f.model.address, inner, 1]
      )
    )
    expect(first.requestHash).toBe(expected)

    await f.provider.send('evm_revert', [snapshot])
    const again = await f.provider.send('evm_snapshot', [])
    await f.provider.send('evm_increaseTime', [7])
    const mined2 = await ask(f, '0x01', '0x5eed')
    expect(mined2.createdTimestamp).toBeGreaterThan(first.createdTimestamp)
    expect(mined2.requestHash).toBe(first.requestHash)

    await f.provider.send('evm_revert', [again])
    const other = await ask(f, '0x01', '0x5eee')
    expect(other.jobId).toBe(first.jobId)
    expect(other.requestHash).not.toBe(first.requestHash)
  })

  test('behavior: less than the price is refused, more goes to the model with the job', async () => {
    const little = f.client.write('ask', ['0x01', '0x'], { value: price - 1n })
    expect(await revertOf(little)).toContain('PaymentTooLow')
    const receipt = await mined(f.client.write('ask', ['0x01', '0x'], { value: price + 7n }))
    const { jobId, payment } = event(receipt, f.oracle, 'JobCreated')
    expect(payment).toBe(price + 7n)
    expect(await f.oracle.read('getJob', [jobId])).toMatchObject({ modelPayment: modelPrice + 7n })
  })

  test('behavior: too large an input or seed is refused, the largest is taken', async () => {
    // abi.encode(bytes) adds 64 bytes.
    const image = (bytes: number) => `0x${'01'.repeat(bytes)}` as const
    expect(
      await revertOf(f.client.read('ask', [image(settings.maxInputBytes - 63), '0x'], { value: price }))
    ).toBe('TooLarge')
    expect(await revertOf(f.client.read('ask', ['0x01', image(1025)], { value: price }))).toBe('TooLarge')
    await ask(f, image(settings.maxInputBytes - 64), image(1024))
  })

  test('behavior: only a registered model starts a job', async () => {
    const rogue = await deployUntyped(f.stranger, 'RogueModel', [f.oracle.address])
    const request = requestOf(await rogue.getAddress(), 1n, '0x01', '0x')
    expect(await revertOf(rogue.getFunction('start')(request, { value: price }))).toMatch(
      'ModelNotRegistered'
    )
  })

  test('behavior: a model whose code is not approved cannot have another contract called, only itself', async () => {
    const rogue = await deployUntyped(f.stranger, 'RogueModel', [f.oracle.address])
    await mined(rogue.getFunction('register')())
    const forged = requestOf(f.client.address, 1n, '0x01', '0x')
    expect(await revertOf(rogue.getFunction('start')(forged, { value: price }))).toContain(
      'ModelCodeNotApproved'
    )
    const own = requestOf(await rogue.getAddress(), 1n, '0x01', '0x')
    const receipt = await mined(rogue.getFunction('start')(own, { value: price }))
    expect(event(receipt, f.oracle, 'JobCreated').callbackAddress).toBe(await rogue.getAddress())
  })

  test('behavior: approval can be taken back, and is for code', async () => {
    await mined(f.oracleAsOwner.write('approveModelCode', [f.model.address, false]))
    expect(await revertOf(f.client.read('ask', ['0x01', '0x'], { value: price }))).toContain(
      'ModelCodeNotApproved'
    )
    expect(
      await revertOf(f.oracleAsOwner.write('approveModelCode', [f.stranger.address as `0x${string}`, true]))
    ).toBe('NoCode')
  })
})

describe('behavior: the settings', () => {
  test('behavior: only the owner changes them, and an event tells', async () => {
    const next = { ...settings, price: 9n, jobTimeoutSeconds: 60 }
    expect(await revertOf(f.oracle.write('setSettings', [next]))).toBe('OwnableUnauthorizedAccount')
    expect(await revertOf(f.oracle.write('setPrice', [9n]))).toBe('OwnableUnauthorizedAccount')
    expect(await revertOf(f.oracle.write('approveModelCode', [f.model.address, true]))).toBe(
      'OwnableUnauthorizedAccount'
    )
    const receipt = await mined(f.oracleAsOwner.write('setSettings', [next]))
    expect(event(receipt, f.oracle, 'SettingsChanged').settings).toEqual(next)
    expect(await f.oracle.read('settings', [])).toEqual(next)
    expect(await f.model.read('price', [])).toBe(9n + modelPrice)
    const repriced = await mined(f.oracleAsOwner.write('setPrice', [11n]))
    expect(event(repriced, f.oracle, 'SettingsChanged').settings).toEqual({ ...next, price: 11n })
  })

  test('behavior: no setting can leave its bounds', async () => {
    const outside: [keyof typeof settings, number][] = [
      ['jobTimeoutSeconds', 9],
      ['jobTimeoutSeconds', 30 * 86_400 + 1],
      ['callbackGasLimit', 99_999],
      ['callbackGasLimit', 10_000_001],
      ['maxInputBytes', 1023],
      ['maxInputBytes', 512 * 1024 + 1],
      ['maxOutputBytes', 1023],
      ['maxOutputBytes', 512 * 1024 + 1],
      ['maxReasonBytes', 31],
      ['maxReasonBytes', 1025]
    ]
    for (const [field, value] of outside) {
      const set = f.oracleAsOwner.write('setSettings', [{ ...settings, [field]: value }])
      expect(await revertOf(set), `${field} ${value}`).toBe('SettingOutOfBounds')
    }
  })

  test('behavior: an address without code is no registry', async () => {
    const deployed = deploy(f.owner, 'Oracle', [f.owner.address, f.stranger.address, settings])
    await expect(deployed).rejects.toThrow(/revert/)
  })
})
