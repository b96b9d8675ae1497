import { expect, test } from 'vitest'
import {
  ChainUnavailableError,
  type Job,
  type JobKey,
  type JobReference,
  JobStatus
} from '../../../src/interface/index.js'
import { chainCheck } from '../../../src/job/chain-check.js'
import { jobKey } from '../../../src/job/job-key.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { silentLogger } from '../../helpers/silent-logger.js'
import { testNetwork } from '../../helpers/worker-cluster.js'

function jobOf(id: number): JobReference {
  const hash = `0x${id.toString(16).padStart(64, '0')}` as const
  const place = { blockNumber: id, blockHash: hash, txHash: hash, logIndex: 0, dataHash: hash }
  const reference = { jobId: BigInt(id), ...place }
  return { ...reference, key: jobKey(testNetwork, reference) }
}
const jobsOf = (from: number, count: number) => Array.from({ length: count }, (_, n) => jobOf(from + n))

function make() {
  const clock = manualClock()
  const said: { level: string; message: string; fields: object }[] = []
  const chain = { head: 0, final: new Set<bigint>(), isDown: false }
  /** Jobs that lie elsewhere than is said. */
  const elsewhere = new Set<JobKey>()
  const told: bigint[] = []
  const doubted: JobKey[] = []
  let receipts = 0
  const statusOf = (jobId: bigint): JobStatus =>
    jobId > chain.head ? JobStatus.None : chain.final.has(jobId) ? JobStatus.Succeeded : JobStatus.Open
  const check = chainCheck({
    onShown: references => told.push(...references.map(({ jobId }) => jobId)),
    onDoubted: job => doubted.push(job)
  })({
    chain: {
      async jobStatuses(jobIds) {
        if (chain.isDown) throw new ChainUnavailableError('down')
        return jobIds.map(statusOf)
      },
      async verifyJobs(references) {
        if (chain.isDown) throw new ChainUnavailableError('down')
        receipts += references.length
        return references.map(reference =>
          reference.jobId > chain.head || elsewhere.has(reference.key)
            ? { kind: 'missing', reason: 'not there' }
            : { kind: 'found', job: reference as Job, status: statusOf(reference.jobId) }
        )
      }
    },
    clock,
    random: () => 0.5,
    logger: silentLogger(said)
  })
  return { clock, said, chain, elsewhere, told, doubted, check, receipts: () => receipts }
}

test('behavior: some jobs are told before the chain was asked, the rest as soon as it shows them', async () => {
  const { clock, chain, told, check, receipts } = make()
  chain.head = 1_000
  check.add(jobsOf(1, 1_000))
  expect(told).toHaveLength(200)
  await clock.advance(100)
  expect(told.toSorted((a, b) => Number(a - b))).toEqual(jobsOf(1, 1_000).map(({ jobId }) => jobId))
  expect(check.room()).toBe(10_000)
  // A few of each look.
  expect(receipts()).toBe(8)
  check.stop()
})

test('behavior: made-up jobs are told in a small number, taken back, and leave no room for more', async () => {
  const { clock, said, told, doubted, check } = make()
  for (let from = 1; check.room() > 0; from += 1_000) check.add(jobsOf(from, 1_000))
  await clock.advance(120_000)
  expect(told).toHaveLength(200)
  expect(new Set(doubted).size).toBe(200)
  expect(check.room()).toBe(0)
  expect(said.filter(({ level }) => level === 'warn')).toHaveLength(2)
  check.stop()
})

test('behavior: what an endpoint that lags does not show yet is told when it does', async () => {
  const { clock, chain, told, check } = make()
  check.add(jobsOf(1, 300))
  await clock.advance(60_000)
  chain.head = 300
  await clock.advance(15_000)
  expect(new Set(told).size).toBe(300)
  expect(check.room()).toBe(10_000)
  check.stop()
})

test('behavior: jobs that are final are not told as open ones', async () => {
  const { clock, chain, told, doubted, check } = make()
  chain.head = 1_000
  for (let id = 1; id <= 1_000; id++) chain.final.add(BigInt(id))
  check.add(jobsOf(1, 1_000))
  await clock.advance(60_000)
  expect(told).toHaveLength(200)
  expect(doubted).toHaveLength(200)
  check.remove(jobOf(1).key)
  expect(check.room()).toBe(10_000 - 999)
  check.stop()
})

test('behavior: while the endpoint is down jobs are told unchecked, and only so many', async () => {
  const { clock, chain, told, doubted, check } = make()
  chain.isDown = true
  check.add(jobsOf(1, 1_000))
  await clock.advance(5_000)
  check.add(jobsOf(1_001, 1_000))
  expect(new Set(told).size).toBe(2_000)
  expect(check.room()).toBe(8_000)
  chain.isDown = false
  chain.head = 1_500
  await clock.advance(60_000)
  expect(doubted).toHaveLength(500)
  expect(check.room()).toBe(9_500)
  check.stop()
})

test('behavior: once a job is not where it is said to lie, the place of each is looked at', async () => {
  const { clock, chain, elsewhere, told, doubted, check } = make()
  chain.head = 1_000
  for (const { key } of jobsOf(1, 1_000)) elsewhere.add(key)
  elsewhere.delete(jobOf(700).key)
  check.add(jobsOf(1, 1_000))
  await clock.advance(60_000)
  expect(told).toHaveLength(201)
  expect(told).toContain(700n)
  expect(doubted).toHaveLength(200)
  check.stop()
})
