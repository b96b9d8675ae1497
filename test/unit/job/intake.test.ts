import { describe, expect, it } from 'vitest'
import type { Job, JobReference, JobVerdict } from '../../../src/interface/index.js'
import { JobStatus } from '../../../src/interface/index.js'
import { type IntakeInit, intake } from '../../../src/job/intake.js'
import { jobKey } from '../../../src/job/job-key.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { silentLogger } from '../../helpers/silent-logger.js'
import { memoryChain, testNetwork } from '../../helpers/worker-cluster.js'

function make(init: Partial<IntakeInit> = {}) {
  const clock = manualClock()
  const chain = memoryChain(clock)
  const opened: Job[] = []
  const asked: bigint[] = []
  const taken = new Set<string>()
  const waiting = intake({
    network: testNetwork,
    has: job => taken.has(job),
    onOpen(job) {
      opened.push(job)
      taken.add(job.key)
    },
    ...init
  })({
    chain: {
      async verifyJobs(references): Promise<JobVerdict[]> {
        asked.push(...references.map(({ jobId }) => jobId))
        return chain.verifyJobs(references)
      }
    },
    clock,
    logger: silentLogger(),
    emit() {}
  })
  return { clock, chain, opened, asked, taken, waiting }
}

/** Jobs that are on no chain. */
function lies(count: number, from = 1): JobReference[] {
  return Array.from({ length: count }, (_, n) => {
    const hash = `0x${(n + from).toString(16).padStart(64, 'e')}` as const
    const place = {
      jobId: BigInt(n + 1),
      blockNumber: 1,
      blockHash: hash,
      txHash: hash,
      logIndex: 0,
      dataHash: hash
    }
    return { ...place, key: jobKey(testNetwork, place) }
  })
}

describe('the intake of jobs', () => {
  it('behavior: liars without number leave room for who was right before', async () => {
    const { clock, chain, opened, waiting } = make()
    const jobs = chain.create(3_000)
    waiting.announce(jobs.slice(0, 1), 'sequencer')
    await clock.advance(0)
    for (let n = 0; n < 60; n++) waiting.announce(lies(1_000, 1 + n * 1_000), `liar ${n}`)
    expect(waiting.size).toBeLessThanOrEqual(51_000)
    waiting.announce(jobs.slice(1), 'sequencer')
    await clock.advance(100)
    expect(opened).toHaveLength(3_000)
    waiting.stop()
  })

  it('behavior: a peer that was asked, and lies, leaves room for who was right before', async () => {
    const { clock, chain, opened, waiting } = make()
    const jobs = chain.create(3_000)
    waiting.announce(jobs.slice(0, 1), 'sequencer')
    await clock.advance(0)
    for (let n = 0; n < 150; n++) waiting.announce(lies(1_000, 1 + n * 1_000), 'peer', { isAsked: true })
    expect(waiting.size).toBeLessThanOrEqual(120_000)
    waiting.announce(jobs.slice(1), 'sequencer')
    await clock.advance(100)
    expect(opened).toHaveLength(3_000)
    waiting.stop()
  })

  it('behavior: who announces only what is not on the chain is not listened to for a while', async () => {
    const { clock, chain, opened, waiting } = make()
    waiting.announce(lies(1_000), 'liar')
    await clock.advance(60_000)
    expect(waiting.size).toBe(0)
    const [job] = chain.create(1)
    waiting.announce([job as Job], 'liar')
    await clock.advance(100)
    expect(opened).toEqual([])
    waiting.announce([job as Job], 'another')
    await clock.advance(100)
    expect(opened).toHaveLength(1)
    waiting.stop()
  })

  it('behavior: beyond what is of use now, jobs wait unchecked, and the oldest comes first', async () => {
    let room = 10
    const { clock, chain, opened, asked, waiting } = make({ room: () => room - opened.length })
    const jobs = chain.create(1_000)
    waiting.announce(jobs.toReversed(), 'peer', { isAsked: true })
    await clock.advance(100)
    expect(opened.map(({ jobId }) => jobId)).toEqual(jobs.slice(0, 10).map(({ jobId }) => jobId))
    expect(asked).toHaveLength(10)
    room = 20
    waiting.onRoom()
    await clock.advance(100)
    expect(asked).toHaveLength(20)
    waiting.stop()
  })

  it('behavior: of a backlog, one half is checked by priority, and the other by age', async () => {
    let room = 0
    const { clock, chain, opened, waiting } = make({
      room: () => room - opened.length,
      // Of the keys of 1,000 jobs, which are hashes.
      priority: job => Number.parseInt(job.slice(0, 8), 16)
    })
    const [proof, ...jobs] = chain.create(1_001) as [Job, ...Job[]]
    room = 1
    waiting.announce([proof], 'sequencer')
    await clock.advance(0)
    waiting.announce(jobs, 'sequencer')
    room = 21
    waiting.onRoom()
    await clock.advance(100)
    const ids = (some: Job[]): bigint[] => some.map(({ jobId }) => jobId)
    const byPriority = jobs.toSorted((a, b) => (a.key < b.key ? -1 : 1))
    const taken = ids(opened.slice(1))
    expect(taken.slice(0, 10)).toEqual(ids(byPriority.slice(0, 10)))
    expect(taken.slice(10)).toEqual(
      ids(jobs.filter(job => !taken.slice(0, 10).includes(job.jobId)).slice(0, 10))
    )
    room = 2_000
    waiting.onRoom()
    await clock.advance(100)
    expect(new Set(ids(opened)).size).toBe(1_001)
    expect(opened).toHaveLength(1_001)
    waiting.stop()
  })

  it('behavior: a job that another worker has is looked at when its lease ends, or is released', async () => {
    const held = new Map<string, number>()
    const { clock, chain, opened, asked, waiting } = make({ heldUntilMs: job => held.get(job) })
    const [free, ending, released] = chain.create(3) as [Job, Job, Job]
    held.set(ending.key, clock.now() + 1_000)
    held.set(released.key, clock.now() + 100_000)
    waiting.announce([free, ending, released], 'sequencer')
    await clock.advance(999)
    expect(opened.map(({ key }) => key)).toEqual([free.key])
    await clock.advance(101)
    expect(opened.map(({ key }) => key)).toEqual([free.key, ending.key])
    await clock.advance(10_300)
    expect(asked).toEqual([free.jobId, ending.jobId])
    held.delete(released.key)
    waiting.onReleased(released.key)
    await clock.advance(100)
    expect(opened).toHaveLength(3)
    waiting.stop()
  })

  it('behavior: a final job whose result a reorg takes back is taken in again when it is announced', async () => {
    const { clock, chain, opened, asked, waiting } = make()
    const [job] = chain.create(1) as [Job]
    waiting.close(job.key)
    // As a sequencer does.
    for (const waitMs of [1_000, 2_000, 4_000]) {
      waiting.announce([job], 'sequencer')
      await clock.advance(waitMs)
    }
    expect(asked).toEqual([])
    await clock.advance(8_000)
    waiting.announce([job], 'sequencer')
    await clock.advance(100)
    expect(opened).toHaveLength(1)
    expect(chain.status(job.jobId)).toBe(JobStatus.Open)
    waiting.stop()
  })

  it('behavior: a job whose key is not that of its place is dropped unseen', async () => {
    const { clock, chain, asked, waiting } = make()
    const [job, other] = chain.create(2) as [Job, Job]
    waiting.announce([{ ...job, key: other.key }], 'liar')
    await clock.advance(100)
    expect([waiting.size, asked]).toEqual([0, []])
    waiting.stop()
  })

  it('behavior: a job past its deadline is not taken in, and not looked at again when it is announced', async () => {
    const { clock, chain, opened, asked, waiting } = make()
    const jobs = chain.create(1)
    // Its own, and as long again as it is remembered.
    await clock.advance(3_600_000)
    for (let minute = 0; minute < 59; minute++) {
      waiting.announce(jobs, 'a sequencer that lags')
      await clock.advance(60_000)
    }
    expect([opened, waiting.size]).toEqual([[], 0])
    expect(asked).toEqual([1n])
    waiting.stop()
  })

  it('behavior: who goes on announcing a final job has the chain asked ever less often', async () => {
    const { clock, chain, asked, waiting } = make()
    const [job] = chain.create(1) as [Job]
    const outcome = { success: false as const, code: 5 as const, reason: 'no', receipt: undefined }
    const { key, jobId, requestHash } = job
    chain.finalise({ job: key, jobId, requestHash, outcome, startedAtMs: 1, finishedAtMs: 2 }, 'somebody')
    waiting.close(key)
    for (let second = 0; second < 600; second++) {
      waiting.announce([job], 'a sequencer that lags')
      await clock.advance(1_000)
    }
    // After 15 s, after 30 s more, and then once a minute.
    expect(asked.length).toBeGreaterThanOrEqual(9)
    expect(asked.length).toBeLessThanOrEqual(11)
    waiting.stop()
  })
})
