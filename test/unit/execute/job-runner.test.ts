import { describe, expect, it } from 'vitest'
import { memoryDatabase } from '../../../src/db/memory-database.js'
import { resultRepository } from '../../../src/db/repositories/result.js'
import { jobRunner } from '../../../src/execute/job-runner.js'
import {
  ChainUnavailableError,
  type ContractReader,
  DatabaseWriteError,
  FailureCode,
  JobFailedError,
  type Outcome
} from '../../../src/interface/index.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { silentLogger } from '../../helpers/silent-logger.js'
import { memoryChain, testModel } from '../../helpers/worker-cluster.js'

const receipt = { runtime: 'test', runtimeVersion: '0', manifest: '', cpu: '', outputHash: '0x' as const }
const success: Outcome = { success: true, output: '0x', receipt }
const failure = (code: FailureCode): Outcome => ({
  success: false,
  code,
  reason: 'it did',
  receipt: undefined
})

/** Runs a job whose request has a result in store, and tells how often its model was run. */
async function executions(outcome: Outcome, settled: boolean): Promise<number> {
  const clock = manualClock()
  const chain = memoryChain(clock)
  const database = memoryDatabase()
  const [job] = chain.create(1)
  if (job === undefined) throw new Error('no job')
  const { key, jobId, requestHash } = job
  const result = { job: key, jobId, requestHash, outcome, startedAtMs: 1, finishedAtMs: 2 }
  await database.batch([resultRepository(database).put(requestHash, { result, settled })])
  let count = 0
  const runner = jobRunner({ patienceMs: 60_000 })({
    chain,
    content: { resolveInput: async () => ({ encoding: 'abi', bytes: new Uint8Array() }) },
    executor: {
      start() {},
      stop() {},
      execute: async () => {
        count++
        return success
      }
    },
    catalog: { knowsTask: () => true, models: () => [testModel], resolve: () => testModel },
    database,
    clock,
    logger: silentLogger(),
    emit() {}
  })
  await runner.run(job, new AbortController().signal)
  return count
}

/** Whether a run ends that is aborted while it waits, with no time passing. */
async function endsAtOnce(broken: { chain?: Error; disk?: Error }): Promise<boolean> {
  const clock = manualClock()
  const chain = memoryChain(clock)
  const database = memoryDatabase()
  const [job] = chain.create(1)
  if (job === undefined) throw new Error('no job')
  const fail = (err: Error | undefined): void => {
    if (err !== undefined) throw err
  }
  const runner = jobRunner({ patienceMs: 60_000 })({
    chain: {
      async verifyJobs(references) {
        fail(broken.chain)
        return chain.verifyJobs(references)
      }
    },
    content: { resolveInput: async () => ({ encoding: 'abi', bytes: new Uint8Array() }) },
    executor: { start() {}, stop() {}, execute: async () => success },
    catalog: { knowsTask: () => true, models: () => [testModel], resolve: () => testModel },
    database: {
      ...database,
      async batch(...args) {
        fail(broken.disk)
        return database.batch(...args)
      }
    },
    clock,
    logger: silentLogger(),
    emit() {}
  })
  const aborter = new AbortController()
  const running = runner.run(job, aborter.signal).catch((err: unknown) => err)
  await clock.settle()
  const reason = new Error('the lease was lost')
  aborter.abort(reason)
  return (await Promise.race([running, clock.settle().then(() => 'it waits')])) === reason
}

describe('a run that is aborted while it waits', () => {
  it('behavior: it ends at once where the chain does not answer, and where the disk is full', async () => {
    expect(await endsAtOnce({ chain: new ChainUnavailableError('down') })).toBe(true)
    expect(await endsAtOnce({ disk: new DatabaseWriteError('full') })).toBe(true)
  })
})

const board = Buffer.from('0102', 'hex')
const read = { to: '0x00000000000000000000000000000000000000aa', data: '0x1234' } as const

/** Runs a job whose task reads a contract; what the executor was given, and what became of the job. */
async function runWithReads(
  readContracts: ContractReader['readContracts']
): Promise<{ outcome: Outcome; given: (Uint8Array[] | undefined)[] }> {
  const clock = manualClock()
  const chain = memoryChain(clock)
  const [job] = chain.create(1)
  if (job === undefined) throw new Error('no job')
  const given: (Uint8Array[] | undefined)[] = []
  const runner = jobRunner({ patienceMs: 60_000 })({
    chain,
    content: { resolveInput: async () => ({ encoding: 'abi', bytes: new Uint8Array() }) },
    contracts: { readContracts },
    executor: {
      start() {},
      stop() {},
      execute: async ({ reads }) => {
        given.push(reads)
        return success
      }
    },
    catalog: {
      knowsTask: () => true,
      models: () => [testModel],
      resolve: () => testModel,
      reads: () => [read]
    },
    database: memoryDatabase(),
    clock,
    logger: silentLogger(),
    emit() {}
  })
  const running = runner.run(job, new AbortController().signal)
  await clock.advance(5_000)
  const ending = await running
  if (ending.kind !== 'done') throw new Error(ending.kind)
  return { outcome: ending.result.outcome, given }
}

describe('a job whose model reads a contract', () => {
  it('behavior: the run is given what the contract answered at the job’s block', async () => {
    const asked: unknown[] = []
    const { outcome, given } = await runWithReads(async (reads, blockHash) => {
      asked.push(reads, blockHash)
      return [board]
    })
    expect(outcome.success).toBe(true)
    expect(given).toEqual([[board]])
    expect(asked).toEqual([[read], expect.stringMatching(/^0x[0-9a-f]{64}$/)])
  })

  it('behavior: a contract that cannot be read fails the job, and nothing is run', async () => {
    const { outcome, given } = await runWithReads(async () => {
      throw new JobFailedError(FailureCode.InvalidInput, 'it reverts')
    })
    expect(outcome).toMatchObject({ success: false, code: FailureCode.InvalidInput, reason: 'it reverts' })
    expect(given).toEqual([])
  })

  it('behavior: an endpoint that is down for a while is waited for', async () => {
    let tries = 0
    const { outcome, given } = await runWithReads(async () => {
      if (++tries < 3) throw new ChainUnavailableError('down')
      return [board]
    })
    expect([outcome.success, tries, given]).toEqual([true, 3, [[board]]])
  })
})

describe('a chain that does not answer any more', () => {
  const down = async (): Promise<never> => {
    throw new ChainUnavailableError('down')
  }

  it('behavior: a job that was claimed is left to others after a while, though the clock was set back', async () => {
    for (const broken of [{ verifyJobs: down }, { readContracts: down }]) {
      const clock = manualClock()
      const chain = memoryChain(clock)
      const [job] = chain.create(1)
      if (job === undefined) throw new Error('no job')
      const runner = jobRunner({ patienceMs: 60_000 })({
        chain: { ...chain, ...broken },
        content: { resolveInput: async () => ({ encoding: 'abi', bytes: new Uint8Array() }) },
        contracts: { readContracts: async () => [board], ...broken },
        executor: { start() {}, stop() {}, execute: async () => success },
        catalog: {
          knowsTask: () => true,
          models: () => [testModel],
          resolve: () => testModel,
          reads: () => [read]
        },
        database: memoryDatabase(),
        clock,
        logger: silentLogger(),
        emit() {}
      })
      let ended: unknown
      runner.run(job, new AbortController().signal).catch((err: unknown) => {
        ended = err
      })
      await clock.advance(59_000)
      expect(ended).toBeUndefined()
      clock.step(-3_600_000)
      await clock.advance(2_000)
      expect(ended).toBeInstanceOf(ChainUnavailableError)
    }
  })
})

describe('a model that is not here', () => {
  it('behavior: while it is being fetched, a job that was claimed is left to others', async () => {
    const clock = manualClock()
    const chain = memoryChain(clock)
    const [job] = chain.create(1)
    if (job === undefined) throw new Error('no job')
    let isComing = true
    const runner = jobRunner({ patienceMs: 60_000 })({
      chain,
      content: { resolveInput: async () => ({ encoding: 'abi', bytes: new Uint8Array() }) },
      executor: { start() {}, stop() {}, execute: async () => success },
      catalog: {
        knowsTask: () => true,
        models: () => [],
        resolve: () => testModel,
        isComing: model => model === testModel && isComing
      },
      database: memoryDatabase(),
      clock,
      logger: silentLogger(),
      emit() {}
    })
    const { signal } = new AbortController()
    await expect(runner.run(job, signal)).rejects.toMatchObject({ code: 'BUFFALO_ERR_PROCESS' })
    isComing = false
    const ending = await runner.run(job, signal)
    expect(ending).toMatchObject({ result: { outcome: { code: FailureCode.UnknownModel } } })
  })
})

describe('a request that has a stored result', () => {
  it('behavior: a success stands, and so does a failure that lies in the request', async () => {
    expect(await executions(success, true)).toBe(0)
    expect(await executions(failure(FailureCode.InvalidInput), true)).toBe(0)
    expect(await executions(failure(FailureCode.OutputTooLarge), true)).toBe(0)
  })

  it('behavior: a failure by time, memory or a missing model is tried again', async () => {
    for (const name of [
      'Timeout',
      'OutOfMemory',
      'UnknownModel',
      'InputUnavailable',
      'ModelFailed'
    ] as const) {
      expect([name, await executions(failure(FailureCode[name]), true)]).toEqual([name, 1])
    }
  })

  it('behavior: whatever the chain has not decided on is sent, not run again (I6)', async () => {
    expect(await executions(failure(FailureCode.Timeout), false)).toBe(0)
  })
})
