import { AbiCoder } from 'ethers'
import { expect, it } from 'vitest'
import { memoryDatabase } from '../../../src/db/memory-database.js'
import { jobRunner } from '../../../src/execute/job-runner.js'
import {
  ContentUnavailableError,
  DataLocation,
  type Execution,
  type ExecutionRequest,
  FailureCode,
  type JobContent,
  JobFailedError,
  OutputFormat
} from '../../../src/interface/index.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { silentLogger } from '../../helpers/silent-logger.js'
import { memoryChain, testModel } from '../../helpers/worker-cluster.js'

const receipt = { runtime: 'test', runtimeVersion: '0', manifest: '', cpu: '', outputHash: '0x12' as const }
const picture = { bytes: Buffer.from('picture'), mediaType: 'image/png' }

/** Runs one job that wants its output at a location, with an executor that does what it is asked. */
async function run(
  wants: { outputLocation?: number; outputFormat?: number },
  storeOutput?: JobContent['storeOutput']
) {
  const clock = manualClock()
  const chain = memoryChain(clock)
  const [job] = chain.create(1)
  if (job === undefined) throw new Error('no job')
  const requests: ExecutionRequest[] = []
  const runner = jobRunner({ patienceMs: 60_000 })({
    chain: {
      async verifyJobs(references) {
        const verdicts = await chain.verifyJobs(references)
        return verdicts.map(verdict =>
          verdict.kind === 'found' ? { ...verdict, job: { ...verdict.job, ...wants } } : verdict
        )
      }
    },
    content: {
      resolveInput: async () => ({ encoding: 'abi', bytes: new Uint8Array() }),
      ...(storeOutput && { storeOutput })
    },
    executor: {
      start() {},
      stop() {},
      async execute(request): Promise<Execution> {
        requests.push(request)
        return request.output === 'content'
          ? { success: true, output: '0x', receipt, content: picture }
          : { success: true, output: '0xab', receipt }
      }
    },
    catalog: { knowsTask: () => true, models: () => [testModel], resolve: () => testModel },
    database: memoryDatabase(),
    clock,
    logger: silentLogger(),
    emit() {}
  })
  const ending = await runner.run(job, new AbortController().signal)
  return { outcome: ending.kind === 'done' ? ending.result.outcome : undefined, requests }
}

const anywhere: JobContent['storeOutput'] = async (job, { bytes, mediaType }) =>
  `${job.jobId} ${Buffer.from(bytes)} ${mediaType}`
const location = AbiCoder.defaultAbiCoder().encode(['string'], ['1 picture image/png'])

it('behavior: an output for another place is stored, and its location goes on chain', async () => {
  const { outcome } = await run({ outputLocation: DataLocation.IPFS }, anywhere)
  expect(outcome).toEqual({ success: true, output: location, receipt })
})

it('behavior: metadata of a token is stored, wherever it goes', async () => {
  const { outcome } = await run({ outputFormat: OutputFormat.NFTMeta }, anywhere)
  expect(outcome).toEqual({ success: true, output: location, receipt })
})

it('behavior: an output for the chain is not stored', async () => {
  const { outcome, requests } = await run({}, async () => 'nowhere')
  expect(outcome).toEqual({ success: true, output: '0xab', receipt })
  expect(requests[0]?.output).toBe('abi')
})

it('behavior: where it can never lie the job fails, where it cannot now the job is left to others', async () => {
  const failing = await run({ outputLocation: 77 }, async () => {
    throw new JobFailedError(FailureCode.Unsupported, 'nowhere')
  })
  expect(failing.outcome).toMatchObject({ success: false, code: FailureCode.Unsupported })
  const unable = run({ outputLocation: DataLocation.Arweave }, async () => {
    throw new ContentUnavailableError('not now')
  })
  await expect(unable).rejects.toThrow(ContentUnavailableError)
  await expect(run({ outputLocation: DataLocation.IPFS })).rejects.toThrow('stores no outputs')
})
