import { keccak256 } from 'ethers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { JobStatus } from '../../../src/interface/job.js'
import {
  ask,
  askThrough,
  deployUntyped,
  failure,
  manifest,
  mined,
  modelPrice,
  oraclePrice,
  passTime,
  peerKey,
  settings,
  success
} from '../contracts/fixture.js'
import { post, type SubgraphFixture, startSubgraphFixture } from './fixture.js'

const jobId32 = (jobId: bigint) => `0x${jobId.toString(16).padStart(64, '0')}`

const jobFields = `
  id jobId status model { id } callbackAddress category seed manifestLocation inputLocation input outputLocation
  outputFormat createdTimestamp deadline payment redundancy requestHash dataHash blockNumber blockHash txHash logIndex
  refusals
  result { id success output failureCode failureReason receipt callbackSuccess callbackReturnData callbackTxHash
    blockNumber blockHash txHash logIndex timestamp job { jobId } worker { id peerKey succeeded failed refused } }
`

interface EntityData {
  [field: string]: unknown
  result: Record<string, unknown>
  refused: number
  succeeded: number
}

describe('the compiled mapping on a real chain', () => {
  let fixture: SubgraphFixture
  beforeAll(async () => {
    fixture = await startSubgraphFixture()
  })
  afterAll(() => fixture?.stop())

  async function read(entity: string, text: string, variables?: object): Promise<EntityData> {
    await fixture.indexed()
    const { data, errors } = await post(fixture.runner.url, text, variables)
    expect(errors).toBeUndefined()
    return data?.[entity] as EntityData
  }
  const readJob = (jobId: bigint) =>
    read('job', `query($id: ID!) { job(id: $id) { ${jobFields} } }`, { id: jobId32(jobId) })

  it('behavior: JobCreated becomes a Job with every field of the event and the place of its log', async () => {
    const image = `0x${'ab'.repeat(1_000)}` as const
    const created = await ask(fixture, image, '0x5eed')
    const [log] = await fixture.provider
      .getLogs({ address: fixture.oracle.address, fromBlock: 0 })
      .then(logs => logs.slice(-1))
    const job = await readJob(created.jobId)
    expect(job).toEqual({
      id: jobId32(created.jobId),
      jobId: String(created.jobId),
      status: 'Open',
      model: { id: fixture.model.address.toLowerCase() },
      callbackAddress: fixture.client.address.toLowerCase(),
      category: 5,
      seed: '0x5eed',
      manifestLocation: manifest,
      inputLocation: 2,
      input: created.input,
      outputLocation: 2,
      outputFormat: 0,
      createdTimestamp: String(created.createdTimestamp),
      deadline: String(created.createdTimestamp + BigInt(settings.jobTimeoutSeconds)),
      payment: String(oraclePrice + modelPrice),
      redundancy: 1,
      requestHash: created.requestHash,
      dataHash: keccak256(log?.data ?? '0x'),
      blockNumber: String(log?.blockNumber),
      blockHash: log?.blockHash,
      txHash: log?.transactionHash,
      logIndex: String(log?.index),
      refusals: 0,
      result: null
    })
    expect(job.input).toContain('ab'.repeat(1_000))
  })

  it('behavior: JobSucceeded and CallbackCalled become the Result of the Job', async () => {
    const created = await ask(fixture)
    const receipt = await mined(
      fixture.oracle.write('submitResults', [[success(created, '0xbeef', '0x7b7d')]])
    )
    const job = await readJob(created.jobId)
    expect(job.status).toBe('Succeeded')
    const worker = fixture.worker.address.toLowerCase()
    expect(job.result).toMatchObject({
      success: true,
      output: '0xbeef',
      failureCode: 0,
      failureReason: '',
      receipt: '0x7b7d',
      callbackSuccess: true,
      callbackReturnData: '0x',
      callbackTxHash: receipt.hash,
      blockNumber: String(receipt.blockNumber),
      blockHash: receipt.blockHash,
      txHash: receipt.hash,
      job: { jobId: String(created.jobId) },
      worker: { id: worker, peerKey }
    })
    const { logIndex } = job.result
    expect(job.result.id).toBe(
      `0x${receipt.blockNumber.toString(16).padStart(16, '0')}${Number(logIndex).toString(16).padStart(8, '0')}`
    )
  })

  it('behavior: JobFailed becomes a Result with its code and reason', async () => {
    const created = await ask(fixture)
    await mined(fixture.oracle.write('submitResults', [[failure(created, 1, 'nicht lesbar: ü')]]))
    const job = await readJob(created.jobId)
    expect(job.status).toBe('Failed')
    expect(job.result).toMatchObject({
      success: false,
      output: '0x',
      failureCode: 1,
      failureReason: 'nicht lesbar: ü'
    })
  })

  it('behavior: a job reclaimed after its deadline has a Result without a worker', async () => {
    const snapshot = await fixture.provider.send('evm_snapshot', [])
    const created = await ask(fixture)
    await passTime(fixture.provider, settings.jobTimeoutSeconds + 1)
    await mined(fixture.oracleAsOwner.write('reclaim', [created.jobId]))
    const job = await readJob(created.jobId)
    expect(job.status).toBe('Failed')
    expect(job.result).toMatchObject({ success: false, failureCode: 7, worker: null })
    await fixture.provider.send('evm_revert', [snapshot])
  })

  it('behavior: SubmissionRefused counts on the Job and on the Worker', async () => {
    const created = await ask(fixture)
    const before = await read('worker', `{ worker(id: "${fixture.worker.address}") { refused succeeded } }`)
    await mined(
      fixture.oracle.write('submitResults', [
        [success(created, '0x01'), success(created, '0x02'), success(created, '0x03')]
      ])
    )
    const job = await readJob(created.jobId)
    expect(job).toMatchObject({ status: 'Succeeded', refusals: 2, result: { output: '0x01' } })
    const after = await read('worker', `{ worker(id: "${fixture.worker.address}") { refused succeeded } }`)
    expect(after).toEqual({ refused: before.refused + 2, succeeded: before.succeeded + 1 })
    expect(await fixture.oracle.read('jobStatuses', [[created.jobId]])).toEqual([JobStatus.Succeeded])
  })

  it('behavior: registering and leaving become a Worker', async () => {
    const registry = fixture.registry
    const key = `0x${'22'.repeat(32)}` as const
    const text = `{ worker(id: "${fixture.worker.address}") { id peerKey registered blockNumber updatedBlock } }`
    const first = await read('worker', text)
    expect(first).toMatchObject({ id: fixture.worker.address.toLowerCase(), peerKey, registered: true })
    const left = await mined(registry.write('unregister', []))
    expect(await read('worker', text)).toEqual({
      ...first,
      registered: false,
      updatedBlock: String(left.blockNumber)
    })
    await mined(registry.write('register', [key]))
    expect(await read('worker', text)).toMatchObject({
      peerKey: key,
      registered: true,
      blockNumber: first.blockNumber
    })
    await mined(registry.write('register', [peerKey]))
  })

  it('behavior: ModelRegistered and ModelUpdated become a Model', async () => {
    const text = `{ model(id: "${fixture.model.address}") { owner category manifestLocation version price registered } }`
    expect(await read('model', text)).toEqual({
      owner: fixture.modelOwner.address.toLowerCase(),
      category: 5,
      manifestLocation: manifest,
      version: '1',
      price: String(modelPrice),
      registered: true
    })
    await mined(fixture.model.write('setModelPrice', [7n]))
    expect(await read('model', text)).toMatchObject({ version: '1', price: '7', manifestLocation: manifest })
    await mined(fixture.model.write('setManifestLocation', ['ipfs://bafkreinext']))
    expect(await read('model', text)).toMatchObject({
      version: '2',
      price: '7',
      manifestLocation: 'ipfs://bafkreinext'
    })
    await mined(fixture.model.write('setModelPrice', [modelPrice]))
  })

  it('behavior: a callback that reverts is told, and changes nothing else', async () => {
    const client = await deployUntyped(fixture.user, 'RevertingClient', [fixture.model.address])
    const created = await askThrough(fixture, client)
    await mined(fixture.oracle.write('submitResults', [[success(created, '0x01')]]))
    const job = await readJob(created.jobId)
    expect(job).toMatchObject({ status: 'Succeeded', result: { success: true, callbackSuccess: false } })
  })
})
