import { HDNodeWallet, Mnemonic } from 'ethers'
import { expect, test } from 'vitest'
import { oracleAbi } from '../../../src/chain/abi/index.js'
import { parseLog, typedContract } from '../../../src/chain/typed-contract.js'
import { FailureCode, type Result, SubmissionStatus } from '../../../src/interface/index.js'
import { replacementOf } from '../../../src/submit/replacement.js'
import { submitterFixture } from './fixture.js'
import { eventually, success } from './harness.js'

const { oracle, start, expectFinalOnce } = submitterFixture()

/** The Oracle's owner changes what it takes. */
async function setLimits(
  change: { maxOutputBytes?: number; maxReasonBytes?: number },
  gasPrice?: bigint
): Promise<void> {
  const owner = HDNodeWallet.fromMnemonic(
    Mnemonic.fromPhrase('test test test test test test test test test test test junk')
  ).connect(oracle().client.provider)
  const settings = {
    price: 1_000n,
    jobTimeoutSeconds: 3_600,
    callbackGasLimit: 1_000_000,
    maxInputBytes: 64 << 10,
    maxOutputBytes: 16 << 10,
    maxReasonBytes: 512,
    ...change
  }
  const contract = typedContract(oracle().network.oracle, oracleAbi, owner)
  const sent = await contract.write('setSettings', [settings], gasPrice === undefined ? {} : { gasPrice })
  if (gasPrice === undefined) await sent.wait()
}

/** Code and reason of a job's failure on chain. */
async function failureOf(jobId: bigint): Promise<{ code: number; reason: string } | undefined> {
  const logs = await oracle().client.provider.getLogs({
    address: oracle().network.oracle,
    fromBlock: 0,
    toBlock: 'latest'
  })
  const failed = logs.map(log => parseLog(oracleAbi, 'JobFailed', log)).find(event => event?.jobId === jobId)
  return failed && { code: Number(failed.code), reason: failed.reason }
}

test('behavior: an output that the Oracle does not take fails the job, once, and is not run again', async () => {
  const jobs = await oracle().createJobs(1)
  await setLimits({ maxOutputBytes: 1_024 })
  const worker = await start()
  await worker.submit(jobs, success('x'.repeat(2_000)))
  await worker.submitter.drain(20_000)
  const [job] = jobs
  expect(await failureOf(job?.reference.jobId ?? 0n)).toEqual({
    code: FailureCode.OutputTooLarge,
    reason: 'The output has 2080 bytes, which is more than the Oracle takes'
  })
  expect(worker.outcomes).toMatchObject([{ outcome: { kind: 'accepted' } }])
  await expectFinalOnce(jobs)
  await setLimits({})
})

test('behavior: the same where the limit is lowered while the transaction is on its way', async () => {
  const jobs = await oracle().createJobs(1)
  const worker = await start({ settings: { confirmations: 3 } })
  await oracle().rpc('evm_setAutomine', [false])
  await worker.submit(jobs, success('x'.repeat(2_000)))
  await eventually(async () => expect((await worker.entries())[0]?.sent).toBe(true))
  // Its gas price puts it before the submission.
  await setLimits({ maxOutputBytes: 1_024 }, 10n ** 12n)
  await oracle().rpc('evm_mine')
  await oracle().rpc('evm_setAutomine', [true])
  await eventually(() => expect(worker.outcomes).toMatchObject([{ outcome: { kind: 'accepted' } }]))
  expect(await failureOf(jobs[0]?.reference.jobId ?? 0n)).toMatchObject({ code: FailureCode.OutputTooLarge })
  await oracle().rpc('anvil_mine', ['0x5'])
  await eventually(async () => expect(await worker.entries()).toEqual([]))
  expect(worker.outcomes).toHaveLength(1)
  await expectFinalOnce(jobs)
  await setLimits({})
})

test('behavior: a reason that the Oracle does not take is left out', async () => {
  const jobs = await oracle().createJobs(1)
  await setLimits({ maxReasonBytes: 32 })
  const worker = await start()
  await worker.submit(jobs, {
    success: false,
    code: FailureCode.InvalidInput,
    reason: 'y'.repeat(100),
    receipt: undefined
  })
  await worker.submitter.drain(20_000)
  expect(await failureOf(jobs[0]?.reference.jobId ?? 0n)).toEqual({
    code: FailureCode.InvalidInput,
    reason: ''
  })
  await expectFinalOnce(jobs)
  await setLimits({})
})

test('behavior: other refusals are of the job, and replace nothing', () => {
  const result: Result = {
    job: '00',
    jobId: 1n,
    requestHash: '0x00',
    outcome: success(),
    startedAtMs: 1,
    finishedAtMs: 2
  }
  for (const status of Object.values(SubmissionStatus)) {
    if (status === SubmissionStatus.OutputTooLarge) continue
    expect(replacementOf(result, status)).toBeUndefined()
  }
})
