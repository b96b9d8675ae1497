import { expect, test } from 'vitest'
import { submitterFixture } from './fixture.js'
import { eventually } from './harness.js'

const { oracle, start, minedCount, expectFinalOnce } = submitterFixture()

test('outbox lost while its transaction waits in the pool: the result is not sent a second time', async () => {
  const jobs = await oracle().createJobs(1)
  await oracle().rpc('evm_setAutomine', [false])
  const first = await start()
  const before = await minedCount(first)
  await first.submit(jobs)
  await eventually(async () => expect((await first.entries())[0]?.sent).toBe(true))
  await first.submitter.stop()

  // The results were saved from the damaged database, the outbox was not.
  const second = await start({ settings: { isContinuous: false } })
  await second.submit(jobs)
  await eventually(() =>
    expect(second.said.map(({ message }) => message).join()).toContain('its database does not know')
  )
  expect(await second.entries()).toEqual([])
  await oracle().rpc('evm_setAutomine', [true])
  await oracle().rpc('evm_mine')
  await second.submitter.drain(20_000)
  expect(second.outcomes).toMatchObject([{ outcome: { kind: 'refused' } }])
  expect(await minedCount(second)).toBe(before + 1)
  await expectFinalOnce(jobs)
})

test('outbox lost with nothing in the pool: what the chain has not decided on is sent at once', async () => {
  const jobs = await oracle().createJobs(2)
  const worker = await start({ settings: { isContinuous: false } })
  await worker.submit(jobs)
  await worker.submitter.drain(20_000)
  expect(worker.outcomes.map(({ outcome }) => outcome.kind)).toEqual(['accepted', 'accepted'])
  await expectFinalOnce(jobs)
})
