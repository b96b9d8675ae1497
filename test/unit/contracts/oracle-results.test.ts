import { AbiCoder, hexlify, keccak256, randomBytes } from 'ethers'
import { describe, expect, test } from 'vitest'
import { oracleAbi } from '../../../src/chain/abi/index.js'
import { encodeCall, typedContract } from '../../../src/chain/typed-contract.js'
import { FailureCode, type Hex, JobStatus, SubmissionStatus } from '../../../src/interface/index.js'
import {
  ask,
  event,
  events,
  type Fixture,
  failure,
  mined,
  modelPrice,
  oraclePrice,
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

const text = (value: string) => AbiCoder.defaultAbiCoder().encode(['string'], [value]) as Hex
const bytes = (size: number): Hex => `0x${'61'.repeat(size)}`

describe('behavior: a success', () => {
  test('behavior: the client stores exactly the bytes that the worker submitted', async () => {
    const job = await ask(f)
    const output = text('Ünïcode, two\nlines')
    const receipt = await mined(f.oracle.write('submitResults', [[success(job, output, '0x7b2261223a317d')]]))
    expect(event(receipt, f.oracle, 'JobSucceeded')).toEqual({
      jobId: 1n,
      worker: f.worker.address,
      output,
      receipt: '0x7b2261223a317d'
    })
    expect(event(receipt, f.oracle, 'CallbackCalled')).toEqual({
      jobId: 1n,
      callbackAddress: f.client.address,
      success: true,
      returnData: '0x'
    })
    expect(event(receipt, f.client, 'Answered')).toEqual({
      callbackId: 1n,
      dataHash: keccak256(output),
      data: output
    })
    expect(await f.client.read('answers', [1n])).toMatchObject({
      answered: true,
      data: output,
      failureCode: 0,
      failureReason: ''
    })
    expect(await f.oracle.read('jobStatuses', [[1n]])).toEqual([JobStatus.Succeeded])
  })

  test('behavior: it is settled before the client is called', async () => {
    const job = await ask(f)
    const receipt = await mined(f.oracle.write('submitResults', [[success(job, text('a'))]]))
    const order = receipt.logs.map(log => f.client.address === log.address)
    const succeeded = events(receipt, f.oracle, 'JobSucceeded').length
    expect(succeeded).toBe(1)
    // Credited twice and JobSucceeded, then the client's Answered, then CallbackCalled.
    expect(order).toEqual([false, false, false, true, false])
  })
})

describe('behavior: a failure', () => {
  test('behavior: the client is told code and reason', async () => {
    const job = await ask(f)
    const item = failure(job, FailureCode.InvalidInput, 'not a PNG or JPEG', '0x7b7d')
    const receipt = await mined(f.oracle.write('submitResults', [[item]]))
    expect(event(receipt, f.oracle, 'JobFailed')).toEqual({
      jobId: 1n,
      worker: f.worker.address,
      code: FailureCode.InvalidInput,
      reason: 'not a PNG or JPEG',
      receipt: '0x7b7d'
    })
    expect(event(receipt, f.oracle, 'CallbackCalled')).toMatchObject({ success: true })
    expect(event(receipt, f.client, 'Failed')).toMatchObject({
      callbackId: 1n,
      code: FailureCode.InvalidInput
    })
    expect(await f.client.read('answers', [1n])).toMatchObject({
      answered: true,
      data: '0x',
      failureCode: FailureCode.InvalidInput,
      failureReason: 'not a PNG or JPEG'
    })
    expect(await f.oracle.read('jobStatuses', [[1n]])).toEqual([JobStatus.Failed])
  })

  test('behavior: a reason that is not UTF-8 is read with replacement characters, not an error', async () => {
    const job = await ask(f)
    const item = failure(job, FailureCode.ModelFailed, 'XXXX')
    const data = encodeCall(oracleAbi, 'submitResults', [[item]])
    const broken = data.replace('58585858', 'ff58fe58')
    expect(broken).not.toBe(data)
    const receipt = await mined(f.worker.sendTransaction({ to: f.oracle.address, data: broken }))
    expect(event(receipt, f.oracle, 'JobFailed').reason).toBe('\ufffdX\ufffdX')
    expect((await f.client.read('answers', [1n])).failureReason).toBe('\ufffdX\ufffdX')
  })
})

describe('behavior: a batch', () => {
  test('behavior: each item is answered on its own', async () => {
    const jobs = [await ask(f), await ask(f), await ask(f)] as const
    const wrong = hexlify(randomBytes(32)) as Hex
    const batch = [
      success(jobs[0], text('one')),
      success({ jobId: 99n, requestHash: wrong }, text('none')),
      success({ ...jobs[1], requestHash: wrong }, text('other request')),
      success(jobs[0], text('again')),
      failure(jobs[1], FailureCode.Timeout, 'slow'),
      success(jobs[2], bytes(settings.maxOutputBytes + 1)),
      failure(jobs[2], FailureCode.ModelFailed, 'r'.repeat(settings.maxReasonBytes + 1)),
      success(jobs[2], text('three'), bytes(1025)),
      failure({ ...jobs[0], requestHash: wrong }, FailureCode.Timeout, 'other request, final job')
    ]
    const statuses = await f.oracle.read('submitResults', [batch])
    expect(statuses).toEqual([
      SubmissionStatus.Accepted,
      SubmissionStatus.UnknownJob,
      SubmissionStatus.WrongRequest,
      SubmissionStatus.AlreadyFinal,
      SubmissionStatus.Accepted,
      SubmissionStatus.OutputTooLarge,
      SubmissionStatus.ReasonTooLarge,
      SubmissionStatus.ReasonTooLarge,
      SubmissionStatus.WrongRequest
    ])
    const receipt = await mined(f.oracle.write('submitResults', [batch]))
    const refused = events(receipt, f.oracle, 'SubmissionRefused')
    expect(refused.map(({ jobId, status }) => [jobId, status])).toEqual([
      [99n, SubmissionStatus.UnknownJob],
      [2n, SubmissionStatus.WrongRequest],
      [1n, SubmissionStatus.AlreadyFinal],
      [3n, SubmissionStatus.OutputTooLarge],
      [3n, SubmissionStatus.ReasonTooLarge],
      [3n, SubmissionStatus.ReasonTooLarge],
      [1n, SubmissionStatus.WrongRequest]
    ])
    expect(refused.every(({ worker }) => worker === f.worker.address)).toBe(true)
    expect(await f.oracle.read('jobStatuses', [[1n, 2n, 3n]])).toEqual([
      JobStatus.Succeeded,
      JobStatus.Failed,
      JobStatus.Open
    ])
    expect((await f.client.read('answers', [1n])).data).toBe(text('one'))
  })

  test('behavior: output, reason and receipt of the largest size are taken', async () => {
    // The example client would need more gas to store 16 KiB than a callback has: it keeps the hash.
    const jobs = [await ask(f), await ask(f)] as const
    const batch = [
      success(jobs[0], bytes(settings.maxOutputBytes), bytes(1024)),
      failure(jobs[1], FailureCode.ModelFailed, 'r'.repeat(settings.maxReasonBytes), bytes(1024))
    ]
    const receipt = await mined(f.oracle.write('submitResults', [batch]))
    expect(event(receipt, f.oracle, 'JobSucceeded').output).toBe(bytes(settings.maxOutputBytes))
    expect(events(receipt, f.oracle, 'CallbackCalled').map(called => called.success)).toEqual([true, true])
  })

  test('behavior: an empty batch does nothing', async () => {
    const receipt = await mined(f.oracle.write('submitResults', [[]]))
    expect(receipt.logs).toEqual([])
  })
})

describe('behavior: who and when', () => {
  test('behavior: an account that is not registered is refused', async () => {
    const job = await ask(f)
    const stranger = typedContract(f.oracle.address, oracleAbi, f.stranger)
    expect(await revertOf(stranger.write('submitResults', [[success(job, text('a'))]]))).toBe('NotRegistered')
    await mined(f.registry.write('unregister', []))
    expect(await revertOf(f.oracle.write('submitResults', [[success(job, text('a'))]]))).toBe('NotRegistered')
  })

  test('behavior: the first result stands, whoever sends another', async () => {
    const job = await ask(f)
    await mined(f.oracle.write('submitResults', [[success(job, text('first'))]]))
    const registry = typedContract(f.registry.address, f.registry.abi, f.otherWorker)
    await mined(registry.write('register', [`0x${'22'.repeat(32)}`]))
    const second = typedContract(f.oracle.address, oracleAbi, f.otherWorker)
    const batch = [success(job, text('second')), failure(job, FailureCode.Timeout, 'late')]
    const receipt = await mined(second.write('submitResults', [batch]))
    expect(events(receipt, f.oracle, 'SubmissionRefused').map(({ status }) => status)).toEqual([
      SubmissionStatus.AlreadyFinal,
      SubmissionStatus.AlreadyFinal
    ])
    expect(events(receipt, f.oracle, 'CallbackCalled')).toEqual([])
    expect((await f.client.read('answers', [1n])).data).toBe(text('first'))
    expect(await f.oracle.read('creditOf', [f.otherWorker.address as Hex])).toBe(0n)
  })

  test('behavior: the deadline itself is in time, a second later is not', async () => {
    const [inTime, late] = [await ask(f), await ask(f)]
    const at = (deadline: bigint) => f.provider.send('evm_setNextBlockTimestamp', [Number(deadline)])
    const gasLimit = 5_000_000n
    await at(inTime.deadline)
    const first = await mined(f.oracle.write('submitResults', [[success(inTime, text('a'))]], { gasLimit }))
    expect(event(first, f.oracle, 'JobSucceeded').jobId).toBe(1n)
    await at(late.deadline + 1n)
    const second = await mined(f.oracle.write('submitResults', [[success(late, text('a'))]], { gasLimit }))
    expect(event(second, f.oracle, 'SubmissionRefused').status).toBe(SubmissionStatus.PastDeadline)
  })

  test('behavior: after the deadline anyone reclaims a job, once: it fails, the client is told and has its payment', async () => {
    const job = await ask(f)
    const anyone = typedContract(f.oracle.address, oracleAbi, f.stranger)
    expect(await revertOf(anyone.write('reclaim', [job.jobId]))).toBe('DeadlineNotPassed')
    expect(await revertOf(anyone.write('reclaim', [77n]))).toBe('JobNotOpen')
    await passTime(f.provider, settings.jobTimeoutSeconds + 1)
    const receipt = await mined(anyone.write('reclaim', [job.jobId]))
    expect(event(receipt, f.oracle, 'JobFailed')).toMatchObject({
      worker: '0x0000000000000000000000000000000000000000',
      code: FailureCode.Timeout
    })
    expect(await f.client.read('answers', [1n])).toMatchObject({
      answered: true,
      failureCode: FailureCode.Timeout
    })
    expect(await f.oracle.read('creditOf', [f.client.address])).toBe(price)
    expect(await revertOf(anyone.write('reclaim', [job.jobId]))).toBe('JobNotOpen')
    const statuses = await f.oracle.read('submitResults', [[success(job, text('late'))]])
    expect(statuses).toEqual([SubmissionStatus.AlreadyFinal])
  })

  test('behavior: a job that is final cannot be reclaimed', async () => {
    const job = await ask(f)
    await mined(f.oracle.write('submitResults', [[success(job, text('a'))]]))
    await passTime(f.provider, settings.jobTimeoutSeconds + 1)
    expect(await revertOf(f.oracle.write('reclaim', [job.jobId]))).toBe('JobNotOpen')
  })

  test('behavior: a changed price or timeout leaves open jobs as they were', async () => {
    const job = await ask(f)
    await mined(f.oracleAsOwner.write('setSettings', [{ ...settings, price: 1n, jobTimeoutSeconds: 10 }]))
    await passTime(f.provider, 20)
    await mined(f.oracle.write('submitResults', [[success(job, text('a'))]]))
    expect(await f.oracle.read('creditOf', [f.worker.address as Hex])).toBe(oraclePrice)
    expect(await f.oracle.read('creditOf', [f.model.address])).toBe(modelPrice)
  })
})
