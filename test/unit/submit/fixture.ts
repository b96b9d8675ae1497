import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import {
  ChainUnavailableError,
  type Hex,
  type JobReference,
  type SubmissionChain
} from '../../../src/interface/index.js'
import { type OracleChain, startOracleChain } from '../../helpers/oracle-chain.js'
import { makeWorker, type Worker } from './harness.js'

export type Jobs = { reference: JobReference; requestHash: Hex }[]

const away = () => Promise.reject(new ChainUnavailableError('the endpoint is away'))

/** A chain with two registered workers, for all tests of a file, and workers that end with their test. */
export function submitterFixture() {
  let chain: OracleChain | undefined
  const running: Worker[] = []

  beforeAll(async () => {
    chain = await startOracleChain({ workers: 2 })
  })
  afterAll(async () => {
    await chain?.stop()
  })
  afterEach(async () => {
    await Promise.all(running.splice(0).map(worker => worker.submitter.stop()))
    await oracle().rpc('evm_setAutomine', [true])
  })

  function oracle(): OracleChain {
    if (chain === undefined) throw new Error('the chain is not started yet')
    return chain
  }

  async function start(options: Parameters<typeof makeWorker>[1] = {}): Promise<Worker> {
    const worker = makeWorker(oracle(), options)
    running.push(worker)
    await worker.submitter.start()
    return worker
  }

  return {
    oracle,
    start,
    /** Ends a worker and starts another over its database, as a restart after a crash does. */
    async restart(worker: Worker, options: Parameters<typeof makeWorker>[1] = {}): Promise<Worker> {
      await worker.submitter.stop()
      return await start({ ...options, database: worker.database })
    },
    minedCount: (worker: Worker) =>
      oracle().client.provider.getTransactionCount(worker.account.address, 'latest'),
    async expectFinalOnce(jobs: Jobs): Promise<void> {
      for (const { reference } of jobs) expect(await oracle().finalisations(reference.jobId)).toBe(1)
    },
    /** The outbox is written, but no transaction leaves. */
    neverSends: (): SubmissionChain => ({ ...oracle().chain, broadcast: away }),
    /** The transaction leaves, but its sender never hears so. */
    sendsUnheard: (): SubmissionChain => ({
      ...oracle().chain,
      broadcast: async (raw, signal) => {
        await oracle().chain.broadcast(raw, signal)
        return await away()
      }
    })
  }
}
