import { AbiCoder, hexlify, type JsonRpcProvider, type Log } from 'ethers'
import { exampleClientAbi, oracleAbi } from '../../../src/chain/abi/index.js'
import { parseLog } from '../../../src/chain/typed-contract.js'
import type { Address, NetworkIdentity } from '../../../src/interface/index.js'
import { storedAnswer } from '../../client/ask.js'
import type { Sample } from '../samples.js'

/** What the chain says of one job in the end. */
export interface AuditedJob {
  jobId: bigint
  /** Events of the Oracle on the final chain. */
  succeeded: number
  failed: number
  callbacks: number
  /** Wei credited for it. */
  credited: bigint
  payment: bigint
  /** What the picture says; undefined for input that no picture of ours is part of. */
  expected: string | undefined
  output: string | undefined
  /** What the client was called back with. */
  stored: string | undefined
  finalBlock: number | undefined
}

export interface Audit {
  jobs: AuditedJob[]
  /** One line for each thing that is not as it should be. */
  faults: string[]
}

interface AuditInit {
  network: NetworkIdentity & { client: Address }
  provider: JsonRpcProvider
  samples: Sample[]
}

/** How many jobs are open, and how many there are, by the Oracle's events. */
export async function countJobs(init: AuditInit): Promise<{ all: number; open: number }> {
  const jobs = await readJobs(init)
  return {
    all: jobs.length,
    open: jobs.filter(({ succeeded, failed }) => succeeded + failed === 0).length
  }
}

/** Reads all jobs of the final chain by RPC and checks that each was settled exactly once, and rightly. */
export async function auditChain(init: AuditInit): Promise<Audit> {
  const jobs = await readJobs(init)
  const callbackIds = await readCallbackIds(init)
  const faults: string[] = []
  for (const job of jobs) {
    const fault = (what: string): void => void faults.push(`job ${job.jobId}: ${what}`)
    const { succeeded, failed, callbacks, expected, output, credited, payment } = job
    if (succeeded + failed !== 1) fault(`was finalised ${succeeded + failed} times`)
    if (failed > 0) fault('failed')
    if (callbacks !== 1) fault(`its client was called back ${callbacks} times`)
    if (credited !== payment) fault(`${credited} wei were credited for it, and ${payment} paid`)
    if (expected === undefined) fault('its input is no picture of this trial')
    else if (output !== expected)
      fault(`the answer is ${JSON.stringify(output)}, not ${JSON.stringify(expected)}`)

    const callbackId = callbackIds.get(job.jobId)
    if (callbackId === undefined) {
      fault('the example client does not know it')
      continue
    }
    const { answered, data } = await storedAnswer(init.network.client, callbackId, init.provider)
    job.stored = answered ? textOf(data) : undefined
    if (job.stored !== expected) fault(`the client holds ${JSON.stringify(job.stored)}`)
  }
  return { jobs, faults }
}

async function readJobs({ network, provider, samples }: AuditInit): Promise<AuditedJob[]> {
  const logs = await provider.getLogs({ address: network.oracle, fromBlock: 0, toBlock: 'latest' })
  const pictures = samples.map(({ bytes, expected }) => ({ hex: hexlify(bytes).slice(2), expected }))
  const jobs = new Map<bigint, AuditedJob>()
  for (const log of logs) {
    const created = parseLog(oracleAbi, 'JobCreated', log)
    if (created !== undefined) {
      jobs.set(created.jobId, {
        jobId: created.jobId,
        succeeded: 0,
        failed: 0,
        callbacks: 0,
        credited: 0n,
        payment: created.payment,
        expected: pictures.find(({ hex }) => created.input.includes(hex))?.expected,
        output: undefined,
        stored: undefined,
        finalBlock: undefined
      })
    }
    settle(jobs, log)
  }
  return [...jobs.values()]
}

function settle(jobs: Map<bigint, AuditedJob>, log: Log): void {
  const succeeded = parseLog(oracleAbi, 'JobSucceeded', log)
  const failed = parseLog(oracleAbi, 'JobFailed', log)
  const called = parseLog(oracleAbi, 'CallbackCalled', log)
  const credited = parseLog(oracleAbi, 'Credited', log)
  const jobId = (succeeded ?? failed ?? called ?? credited)?.jobId
  const job = jobId === undefined ? undefined : jobs.get(jobId)
  if (job === undefined) return
  if (succeeded !== undefined) {
    job.succeeded++
    job.output = textOf(succeeded.output)
    job.finalBlock = log.blockNumber
  }
  if (failed !== undefined) job.failed++
  if (called?.success === true) job.callbacks++
  if (credited !== undefined) job.credited += credited.amount
}

async function readCallbackIds({ network, provider }: AuditInit): Promise<Map<bigint, bigint>> {
  const logs = await provider.getLogs({ address: network.client, fromBlock: 0, toBlock: 'latest' })
  const ids = new Map<bigint, bigint>()
  for (const log of logs) {
    const asked = parseLog(exampleClientAbi, 'Asked', log)
    if (asked !== undefined) ids.set(asked.jobId, asked.callbackId)
  }
  return ids
}

function textOf(encoded: string): string {
  return AbiCoder.defaultAbiCoder().decode(['string'], encoded)[0] as string
}
