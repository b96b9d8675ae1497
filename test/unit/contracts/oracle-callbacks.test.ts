import { AbiCoder, type BaseContract, dataSlice, type TransactionReceipt } from 'ethers'
import { describe, expect, test } from 'vitest'
import { imageToTextAbi, oracleAbi } from '../../../src/chain/abi/index.js'
import { encodeCall, typedContract } from '../../../src/chain/typed-contract.js'
import { FailureCode, type Hex, JobStatus } from '../../../src/interface/index.js'
import {
  ask,
  askThrough,
  deployUntyped,
  event,
  events,
  type Fixture,
  failure,
  mined,
  passTime,
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
/** The payment of two jobs, the events of one submission and the gas of its callback, with room. */
const gasLimit = 3_000_000n

/** A success and a failure of a job each, from one client, in one transaction with a well-behaved client's in between. */
async function submitAround(client: BaseContract): Promise<TransactionReceipt> {
  const first = await askThrough(f, client, 1n)
  const honest = await ask(f)
  const second = await askThrough(f, client, 2n)
  const batch = [
    success(first, output),
    success(honest, output),
    failure(second, FailureCode.ModelFailed, 'no')
  ]
  return await mined(f.oracle.write('submitResults', [batch], { gasLimit }))
}

async function expectSettled(): Promise<void> {
  expect(await f.oracle.read('jobStatuses', [[1n, 2n, 3n]])).toEqual([
    JobStatus.Succeeded,
    JobStatus.Succeeded,
    JobStatus.Failed
  ])
  expect((await f.client.read('answers', [1n])).data).toBe(output)
}

describe('behavior: a client cannot harm the result', () => {
  test('behavior: a callback that reverts', async () => {
    const receipt = await submitAround(await deployUntyped(f.user, 'RevertingClient', [f.model.address]))
    const [first, honest, second] = events(receipt, f.oracle, 'CallbackCalled')
    expect([first?.success, honest?.success, second?.success]).toEqual([false, true, false])
    // NoThanks(uint256), whole.
    expect(first?.returnData).toHaveLength(2 + 2 * 36)
    await expectSettled()
  })

  test('behavior: a callback that burns all its gas costs no more than the cap', async () => {
    const receipt = await submitAround(await deployUntyped(f.user, 'GasBurningClient', [f.model.address]))
    const called = events(receipt, f.oracle, 'CallbackCalled')
    expect(called.map(({ success }) => success)).toEqual([false, true, false])
    expect(receipt.gasUsed).toBeGreaterThan(2n * BigInt(settings.callbackGasLimit))
    expect(receipt.gasUsed).toBeLessThan(2n * BigInt(settings.callbackGasLimit) + 600_000n)
    await expectSettled()
  })

  test.each([false, true])('behavior: a return bomb (revert: %s) is cut to 256 bytes', async reverts => {
    const bomb = await deployUntyped(f.user, 'ReturnBombingClient', [f.model.address, reverts])
    const receipt = await submitAround(bomb)
    const [first, , second] = events(receipt, f.oracle, 'CallbackCalled')
    expect(first?.success).toBe(!reverts)
    expect(first?.returnData).toMatch(/^0x(ff){32}.{448}$/)
    expect(second?.returnData).toHaveLength(2 + 2 * 256)
    // 300,000 bytes copied, and kept in memory for the second callback, would cost the submitter above 400,000 more.
    expect(receipt.gasUsed).toBeLessThan(1_100_000n)
    await expectSettled()
  })

  test('behavior: a callback cannot submit or reclaim, but can ask again', async () => {
    const old = await ask(f)
    await passTime(f.provider, settings.jobTimeoutSeconds + 1)
    const client = await deployUntyped(f.user, 'ReenteringClient', [f.model.address])
    const victim = await ask(f)
    const job = await askThrough(f, client, 7n)
    await mined(client.getFunction('register')(f.registry.address, `0x${'33'.repeat(32)}`))
    const inner = encodeCall(oracleAbi, 'submitResults', [[success(victim, '0xbad0')]])
    await mined(client.getFunction('prepare')(inner))
    await mined(f.user.sendTransaction({ to: await client.getAddress(), value: price }))
    const roomy = { ...settings, callbackGasLimit: 2_000_000 }
    await mined(f.oracleAsOwner.write('setSettings', [roomy]))

    const receipt = await mined(f.oracle.write('submitResults', [[success(job, output)]]))
    expect(event(receipt, f.oracle, 'CallbackCalled').success).toBe(true)
    expect(await client.getFunction('submitted')()).toBe(false)
    // ReentrancyGuardReentrantCall()
    expect(dataSlice(await client.getFunction('submitError')(), 0, 4)).toBe('0x3ee5aeb5')
    expect(await client.getFunction('reclaimed')()).toBe(false)
    const again = event(receipt, f.oracle, 'JobCreated')
    expect(again).toMatchObject({ jobId: 4n, callbackAddress: await client.getAddress() })
    expect(await f.oracle.read('jobStatuses', [[old.jobId, victim.jobId, job.jobId, 4n]])).toEqual([
      JobStatus.Open,
      JobStatus.Open,
      JobStatus.Succeeded,
      JobStatus.Open
    ])
    // The guard is open again afterwards.
    await mined(f.oracle.write('submitResults', [[success(victim, output)]]))
  })

  test('behavior: a client without code is no trouble', async () => {
    const model = typedContract(f.model.address, imageToTextAbi, f.user)
    const args = ['0x01', 5n, '0x12345678', '0x'] as const
    const jobs = [
      event(await mined(model.write('run', args, { value: price })), f.oracle, 'JobCreated'),
      event(await mined(model.write('run', args, { value: price })), f.oracle, 'JobCreated')
    ] as const
    expect(jobs[0].callbackAddress).toBe(f.user.address)
    const batch = [success(jobs[0], output), failure(jobs[1], FailureCode.Timeout, 'slow')]
    const receipt = await mined(f.oracle.write('submitResults', [batch]))
    expect(events(receipt, f.oracle, 'CallbackCalled').map(({ returnData }) => returnData)).toEqual([
      '0x',
      '0x'
    ])
    expect(await f.oracle.read('jobStatuses', [[1n, 2n]])).toEqual([JobStatus.Succeeded, JobStatus.Failed])
  })
})

describe('behavior: settlement and callback', () => {
  test('behavior: a client that is called finds its job final', async () => {
    const client = await deployUntyped(f.user, 'ThirstyClient', [f.model.address])
    const jobs = [await askThrough(f, client, 1n), await askThrough(f, client, 2n)] as const
    await mined(
      f.oracle.write('submitResults', [
        [success(jobs[0], output), failure(jobs[1], FailureCode.Timeout, 'slow')]
      ])
    )
    expect(await client.getFunction('statusSeen')(1n)).toBe(BigInt(JobStatus.Succeeded))
    expect(await client.getFunction('statusSeen')(2n)).toBe(BigInt(JobStatus.Failed))
  })
})

describe('behavior: a submitter cannot harm the client', () => {
  test('behavior: with too little gas nothing happens; with any gas that passes, the callback has its full share', async () => {
    const client = await deployUntyped(f.user, 'ThirstyClient', [f.model.address])
    const job = await askThrough(f, client)
    const submit = (limit: bigint) =>
      f.oracle.write('submitResults', [[success(job, output)]], { gasLimit: limit })
    // Found by halving: the least gas with which the submission passes, to 100 gas.
    let [fails, passes] = [100_000n, gasLimit]
    while (passes - fails > 100n) {
      const middle = (passes + fails) / 2n
      const snapshot = await f.provider.send('evm_snapshot', [])
      const receipt = await (await submit(middle)).wait().catch(() => null)
      if (receipt === null) {
        expect(await f.oracle.read('jobStatuses', [[job.jobId]])).toEqual([JobStatus.Open])
        fails = middle
      } else {
        expect(event(receipt, f.oracle, 'CallbackCalled').success).toBe(true)
        passes = middle
      }
      await f.provider.send('evm_revert', [snapshot])
    }
    expect(
      await revertOf(f.oracle.read('submitResults', [[success(job, output)]], { gasLimit: fails }))
    ).toBe('InsufficientGas')
    await mined(submit(passes))
    // What the client sees is the cap, less the few hundred gas of its own dispatch.
    expect(Number(await client.getFunction('givenGas')())).toBeGreaterThan(settings.callbackGasLimit - 1_000)
  })

  test('behavior: a batch gives the last callback its full gas, too, or takes nothing', async () => {
    const thirsty = await deployUntyped(f.user, 'ThirstyClient', [f.model.address])
    const burning = await deployUntyped(f.user, 'GasBurningClient', [f.model.address])
    const jobs = [await askThrough(f, burning), await askThrough(f, thirsty)] as const
    const batch = [success(jobs[0], output), success(jobs[1], output)]
    const short = BigInt(settings.callbackGasLimit) * 2n - 100_000n
    expect(await revertOf(f.oracle.read('submitResults', [batch], { gasLimit: short }))).toBe(
      'InsufficientGas'
    )
    // ethers' own estimate finds what is enough.
    await mined(f.oracle.write('submitResults', [batch]))
    expect(Number(await thirsty.getFunction('givenGas')())).toBeGreaterThan(settings.callbackGasLimit - 1_000)
  })
})
