import { expect, test } from 'vitest'
import { SubmissionStatus } from '../../../src/interface/index.js'
import { submitterFixture } from './fixture.js'
import { eventually, makeWorker } from './harness.js'

const { oracle, start, restart, minedCount, expectFinalOnce, neverSends, sendsUnheard } = submitterFixture()

test('crash before the outbox is written: the stored result is queued again and submitted once', async () => {
  const jobs = await oracle().createJobs(2)
  const first = makeWorker(oracle())
  await first.submit(jobs)
  const second = await start({ database: first.database })
  await second.submit(jobs)
  await second.submitter.drain(20_000)
  expect(second.outcomes.map(({ outcome }) => outcome.kind)).toEqual(['accepted', 'accepted'])
  await expectFinalOnce(jobs)
})

test('crash between outbox and broadcast: the transaction is sent after the restart', async () => {
  const jobs = await oracle().createJobs(2)
  const first = await start({ chain: neverSends() })
  await first.submit(jobs)
  await eventually(async () => expect(await first.entries()).toHaveLength(1))
  const [entry] = await first.entries()
  const second = await restart(first)
  await second.submit(jobs)
  await second.submitter.drain(20_000)
  expect(second.outcomes).toHaveLength(2)
  expect(second.outcomes[0]?.outcome).toMatchObject({ kind: 'accepted', txHash: entry?.hashes[0] })
  await expectFinalOnce(jobs)
  await eventually(async () => expect(await second.entries()).toEqual([]))
})

test('crash after a broadcast whose answer was lost: the mined transaction is found, not sent twice', async () => {
  const jobs = await oracle().createJobs(1)
  const first = await start({ chain: sendsUnheard() })
  const before = await minedCount(first)
  await first.submit(jobs)
  await eventually(async () => expect(await minedCount(first)).toBe(before + 1))
  const second = await restart(first)
  await second.submitter.drain(20_000)
  expect(second.outcomes).toMatchObject([{ outcome: { kind: 'accepted' } }])
  await expectFinalOnce(jobs)
  expect(await minedCount(second)).toBe(before + 1)
})

test('crash while the transaction waits in the pool: it is followed on after the restart', async () => {
  const jobs = await oracle().createJobs(1)
  const first = await start()
  const before = await minedCount(first)
  await oracle().rpc('evm_setAutomine', [false])
  await first.submit(jobs)
  await eventually(async () => expect((await first.entries())[0]?.sent).toBe(true))
  const second = await restart(first)
  await second.submit(jobs)
  await oracle().rpc('evm_mine')
  await second.submitter.drain(20_000)
  expect(second.outcomes).toMatchObject([{ outcome: { kind: 'accepted' } }])
  await expectFinalOnce(jobs)
  expect(await minedCount(second)).toBe(before + 1)
})

test('crash between confirmation and finality: the outcome is told again, and the entry goes when it is deep enough', async () => {
  const jobs = await oracle().createJobs(1)
  const first = await start({ settings: { confirmations: 3 } })
  await first.submit(jobs)
  await first.submitter.drain(20_000)
  expect(first.outcomes).toHaveLength(1)
  const second = await restart(first, { settings: { confirmations: 3 } })
  await eventually(() => expect(second.outcomes).toMatchObject([{ outcome: { kind: 'accepted' } }]))
  expect(await second.entries()).toHaveLength(1)
  await oracle().rpc('anvil_mine', ['0x2'])
  await eventually(async () => expect(await second.entries()).toEqual([]))
  await expectFinalOnce(jobs)
})

test('finalised by another while the transaction was never sent: refused, and the nonce is not wasted', async () => {
  const jobs = await oracle().createJobs(2)
  const first = await start({ index: 0, chain: neverSends() })
  const before = await minedCount(first)
  await first.submit(jobs)
  await eventually(async () => expect(await first.entries()).toHaveLength(1))
  const other = await start({ index: 1 })
  await other.submit(jobs)
  await other.submitter.drain(20_000)
  const second = await restart(first, { index: 0 })
  await second.submitter.drain(20_000)
  expect(second.outcomes.map(({ outcome }) => outcome)).toEqual(
    jobs.map(() => ({ kind: 'refused', status: SubmissionStatus.AlreadyFinal, txHash: undefined }))
  )
  expect(await minedCount(second)).toBe(before)
  expect(await second.entries()).toEqual([])
})
