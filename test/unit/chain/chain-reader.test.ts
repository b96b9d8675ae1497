import { afterAll, beforeAll, expect, test } from 'vitest'
import { chainReader } from '../../../src/chain/chain-reader.js'
import type { Rpc } from '../../../src/chain/rpc.js'
import { type ChainReader, type JobReference, JobStatus, systemClock } from '../../../src/interface/index.js'
import { jobKey } from '../../../src/job/job-key.js'
import { type OracleChain, startOracleChain } from '../../helpers/oracle-chain.js'

let chain: OracleChain
let requests: string[][]

beforeAll(async () => {
  chain = await startOracleChain({ workers: 1 })
})
afterAll(async () => {
  await chain.stop()
})

/** A reader that notes the methods of each of its requests. */
function reader(): ChainReader {
  requests = []
  const rpc: Rpc = {
    ...chain.client.rpc,
    send(calls, signal) {
      requests.push(calls.map(({ method }) => method))
      return chain.client.rpc.send(calls, signal)
    }
  }
  return chainReader({ network: chain.network })({ rpc, clock: systemClock, jobKey })
}

const withKey = (reference: JobReference): JobReference => ({
  ...reference,
  key: jobKey(chain.network, reference)
})
const otherHash = `0x${'ab'.repeat(32)}` as const

test('verifyJobs: a job that is on chain is found with all that its event says', async () => {
  const [created] = await chain.createJobs(1)
  if (created === undefined) throw new Error('no job')
  const { reference, requestHash } = created
  const [verdict] = await reader().verifyJobs([reference])
  expect(verdict).toMatchObject({
    kind: 'found',
    status: JobStatus.Open,
    job: {
      ...reference,
      category: 5,
      seed: '0x01',
      manifestLocation: 'ipfs://bafkreitest',
      inputLocation: 2,
      redundancy: 1,
      requestHash
    }
  })
  if (verdict?.kind !== 'found') throw new Error('not found')
  expect(verdict.job.deadlineMs - verdict.job.createdAtMs).toBe(3_600_000)
})

test('verifyJobs: a reference that is forged in any field is missing', async () => {
  const [created, other] = await chain.createJobs(2)
  if (created === undefined || other === undefined) throw new Error('no job')
  const { reference } = created
  const forged: JobReference[] = [
    { ...reference, key: '00'.repeat(32) },
    withKey({ ...reference, jobId: reference.jobId + 1n }),
    withKey({ ...reference, blockHash: otherHash }),
    { ...reference, blockNumber: reference.blockNumber + 1 },
    { ...reference, blockNumber: 1_000_000_000 },
    withKey({ ...reference, txHash: otherHash }),
    withKey({ ...reference, txHash: other.reference.txHash }),
    withKey({ ...reference, logIndex: reference.logIndex + 1 }),
    withKey({ ...reference, logIndex: 4_000_000_000 }),
    withKey({ ...reference, dataHash: otherHash }),
    { ...reference, txHash: '0xnonsense' as const },
    { ...reference, jobId: -1n },
    { ...reference, logIndex: Number.NaN }
  ]
  const verdicts = await reader().verifyJobs([...forged, reference])
  expect(verdicts.slice(0, -1).map(({ kind }) => kind)).toEqual(forged.map(() => 'missing'))
  expect(verdicts.at(-1)?.kind).toBe('found')
})

test('verifyJobs: calls that are made together are one request, and a known job needs no receipt', async () => {
  const jobs = await chain.createJobs(3)
  const chainReaderUnderTest = reader()
  const verdicts = await Promise.all(
    jobs.map(({ reference }) => chainReaderUnderTest.verifyJobs([reference]))
  )
  expect(verdicts.flat().map(({ kind }) => kind)).toEqual(['found', 'found', 'found'])
  expect(requests).toHaveLength(1)
  expect(requests[0]?.filter(method => method === 'eth_getTransactionReceipt')).toHaveLength(3)
  expect(requests[0]?.filter(method => method === 'eth_call')).toHaveLength(1)

  await chainReaderUnderTest.verifyJobs(jobs.map(({ reference }) => reference))
  expect(requests[1]).not.toContain('eth_getTransactionReceipt')
})

test('verifyJobs: a job whose block a reorg has dropped is missing, known or not', async () => {
  const known = reader()
  const [created] = await chain.createJobs(1)
  if (created === undefined) throw new Error('no job')
  const { reference } = created
  expect((await known.verifyJobs([reference]))[0]?.kind).toBe('found')
  await chain.rpc('anvil_reorg', [1, []])
  expect((await known.verifyJobs([reference]))[0]?.kind).toBe('missing')
  expect((await reader().verifyJobs([reference]))[0]?.kind).toBe('missing')
})

test('verifyJobs: a call that is aborted rejects, and the others go on', async () => {
  const [created] = await chain.createJobs(1)
  if (created === undefined) throw new Error('no job')
  const underTest = reader()
  const abort = new AbortController()
  const aborted = underTest.verifyJobs([created.reference], abort.signal)
  const other = underTest.verifyJobs([created.reference])
  abort.abort(new Error('enough'))
  await expect(aborted).rejects.toThrow('enough')
  expect((await other)[0]?.kind).toBe('found')
})

test('jobStatuses: one status for each id, in order, over more than one call', async () => {
  const [created] = await chain.createJobs(1)
  const jobId = created?.reference.jobId ?? 0n
  const ids = [...Array.from({ length: 600 }, (_, i) => 1_000_000n + BigInt(i)), jobId, 0n]
  const statuses = await reader().jobStatuses(ids)
  expect(statuses).toHaveLength(602)
  expect(statuses[600]).toBe(JobStatus.Open)
  expect(new Set([...statuses.slice(0, 600), statuses[601]])).toEqual(new Set([JobStatus.None]))
})

test('peerKeysOf: the registry is asked once for what is known', async () => {
  const [worker] = chain.workers
  if (worker === undefined) throw new Error('no worker')
  const stranger = '0x000000000000000000000000000000000000dEaD'
  const underTest = reader()
  const [peerKey, none] = await underTest.peerKeysOf([worker.address, stranger])
  expect(peerKey).toMatch(/^[0-9a-f]{64}$/)
  expect(none).toBeUndefined()
  expect(await underTest.peerKeysOf([stranger, worker.address])).toEqual([undefined, peerKey])
  expect(requests).toHaveLength(1)
})
