import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { Bucket } from '../../../src/db/buckets.js'
import { memoryDatabase } from '../../../src/db/memory-database.js'
import { type Database, type SubmissionChain, SubmissionStatus } from '../../../src/interface/index.js'
import { type OracleChain, startOracleChain } from '../../helpers/oracle-chain.js'
import { eventually, makeWorker, success, type Worker } from './harness.js'

let oracle: OracleChain
const running: Worker[] = []

beforeAll(async () => {
  oracle = await startOracleChain({ workers: 2 })
})
afterAll(async () => {
  await oracle.stop()
})
afterEach(async () => {
  await Promise.all(running.splice(0).map(worker => worker.submitter.stop()))
})

async function start(...args: Parameters<typeof makeWorker> extends [unknown, ...infer Rest] ? Rest : never) {
  const worker = makeWorker(oracle, ...args)
  running.push(worker)
  await worker.submitter.start()
  return worker
}

test('submitter: a result finalises its job, and the outbox is empty again', async () => {
  const jobs = await oracle.createJobs(1)
  const worker = await start()
  await worker.submit(jobs)
  await worker.submitter.drain(20_000)
  const [job] = jobs
  expect(worker.outcomes).toMatchObject([{ jobId: job?.reference.jobId, outcome: { kind: 'accepted' } }])
  expect(await oracle.finalisations(job?.reference.jobId ?? 0n)).toBe(1)
  expect(worker.events.map(({ type }) => type)).toEqual(['submission:sent', 'submission:accepted'])
  await eventually(async () => expect(await worker.entries()).toEqual([]))
})

test('submitter: a transaction is on disk, synced, before the endpoint has it', async () => {
  const steps: string[] = []
  const memory = memoryDatabase()
  const database: Database = {
    ...memory,
    async batch(operations, options) {
      await memory.batch(operations, options)
      const isOutbox = operations.some(({ type, key }) => type === 'put' && key[0] === Bucket.outbox)
      if (isOutbox) steps.push(options?.sync === true ? 'synced' : 'written')
    }
  }
  const chain: SubmissionChain = {
    ...oracle.chain,
    broadcast(...args) {
      steps.push('sent')
      return oracle.chain.broadcast(...args)
    }
  }
  const worker = await start({ database, chain })
  await worker.submit(await oracle.createJobs(1))
  await worker.submitter.drain(20_000)
  expect(steps.slice(0, 2)).toEqual(['synced', 'sent'])
})

test('submitter: no transaction needs more gas than fits well into a block', async () => {
  const batches: number[] = []
  let simulated = 0
  const chain: SubmissionChain = {
    ...oracle.chain,
    async simulate(...args) {
      simulated = args[2]
      return { ...(await oracle.chain.simulate(...args)), gas: 5_000_000n * BigInt(simulated) }
    },
    broadcast(...args) {
      batches.push(simulated)
      return oracle.chain.broadcast(...args)
    }
  }
  const worker = await start({ chain })
  await worker.submit(await oracle.createJobs(6))
  await worker.submitter.drain(20_000)
  expect(worker.outcomes).toHaveLength(6)
  expect(Math.max(...batches)).toBeLessThanOrEqual(2)
})

test('submitter: a failure is submitted with its code and its reason, cut to what the Oracle takes', async () => {
  const jobs = await oracle.createJobs(1)
  const worker = await start()
  await worker.submit(jobs, { success: false, code: 1, reason: 'ä\ud800'.repeat(400), receipt: undefined })
  await worker.submitter.drain(20_000)
  expect(worker.outcomes).toMatchObject([{ outcome: { kind: 'accepted' } }])
})

test('submitter: results that are queued while a transaction is in flight go together in the next', async () => {
  const jobs = await oracle.createJobs(6)
  const worker = await start()
  await oracle.rpc('evm_setAutomine', [false])
  try {
    await worker.submit(jobs.slice(0, 1))
    await eventually(() => expect(worker.events).toHaveLength(1))
    await worker.submit(jobs.slice(1))
    await oracle.rpc('evm_mine')
    await eventually(() =>
      expect(worker.events.filter(({ type }) => type === 'submission:sent')).toHaveLength(6)
    )
  } finally {
    await oracle.rpc('evm_setAutomine', [true])
  }
  await oracle.rpc('evm_mine')
  await worker.submitter.drain(20_000)
  expect(worker.outcomes).toHaveLength(6)
  const hashes = worker.outcomes.map(({ outcome }) => outcome.kind === 'accepted' && outcome.txHash)
  expect(new Set(hashes).size).toBe(2)
})

test('submitter: of two workers with the same job, one finalises it and the other is refused', async () => {
  const jobs = await oracle.createJobs(3)
  const [one, two] = [await start({ index: 0 }), await start({ index: 1 })]
  await oracle.rpc('evm_setAutomine', [false])
  try {
    // Both simulate before either is mined, so both send.
    await Promise.all([one.submit(jobs, success('one')), two.submit(jobs, success('two'))])
    await eventually(() => expect([...one.events, ...two.events].length).toBeGreaterThanOrEqual(2))
  } finally {
    await oracle.rpc('evm_setAutomine', [true])
  }
  await oracle.rpc('evm_mine')
  await Promise.all([one.submitter.drain(20_000), two.submitter.drain(20_000)])
  for (const { reference } of jobs) {
    expect(await oracle.finalisations(reference.jobId)).toBe(1)
    const outcomes = [...one.outcomes, ...two.outcomes].filter(({ jobId }) => jobId === reference.jobId)
    expect(outcomes.map(({ outcome }) => outcome.kind).sort()).toEqual(['accepted', 'refused'])
  }
})

test('submitter: a job that is final already is refused without a transaction', async () => {
  const jobs = await oracle.createJobs(1)
  const one = await start({ index: 0 })
  await one.submit(jobs)
  await one.submitter.drain(20_000)
  const two = await start({ index: 1 })
  const before = await oracle.client.provider.getTransactionCount(two.account.address)
  await two.submit(jobs)
  await two.submitter.drain(20_000)
  expect(two.outcomes).toMatchObject([
    { outcome: { kind: 'refused', status: SubmissionStatus.AlreadyFinal, txHash: undefined } }
  ])
  expect(await oracle.client.provider.getTransactionCount(two.account.address)).toBe(before)
})

test('submitter: a batch that needs too much gas is divided', async () => {
  const jobs = await oracle.createJobs(30)
  const worker = await start()
  // 900 bytes cost the example client about 700,000 gas to keep.
  await worker.submit(jobs, success('x'.repeat(900)))
  await worker.submitter.drain(40_000)
  expect(worker.outcomes.filter(({ outcome }) => outcome.kind === 'accepted')).toHaveLength(30)
})
