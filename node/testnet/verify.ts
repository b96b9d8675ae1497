import { getBytes, type Provider } from 'ethers'
import type { ModelRegistry } from '../../models/index.js'
import type { Address } from '../../src/interface/index.js'
import { storedAnswer } from '../client/ask.js'
import type { JobView } from '../client/job-queries.js'
import { failureLine, show } from '../client/present.js'
import type { Sample } from './samples.js'

/** One request of the local network. */
export interface Request {
  jobId: bigint
  callbackId: bigint
  sample: Sample
  requestedAtMs: number
}

/** A job as the local network reports it. */
export interface JobReport {
  id: string
  task: string
  status: JobView['status']
  /** Peer id of the worker that finalised it. */
  worker: string | null
  account: string | null
  executions: number
  output: string | null
  txHash: string | null
  latencyMs: number | null
}

/** Compares a job's answer with the picture's text, and with what the client holds on chain. One line for each fault. */
export async function verifyJob(init: {
  request: Request
  job: JobView
  executions: number
  latencyMs: number | undefined
  /** Peer ids by account of the workers of this network, in lower case. */
  workers: Map<string, string>
  registry: ModelRegistry
  client: Address
  provider: Provider
}): Promise<{ report: JobReport; faults: string[] }> {
  const { request, job, executions, registry, client, provider } = init
  const { task, text } = show(job, registry)
  const faults: string[] = []
  const fault = (what: string): void => {
    faults.push(`job ${job.id} (${request.sample.file}): ${what}`)
  }

  if (job.status !== 'succeeded') {
    fault(failureLine(job) ?? `is ${job.status}`)
  } else if (text !== request.sample.expected) {
    fault(
      `the answer is ${JSON.stringify(text)}, the picture says ${JSON.stringify(request.sample.expected)}`
    )
  }
  if (executions !== 1) {
    fault(`it was run ${executions} times`)
  }
  const account = job.result?.account
  const worker = account === undefined ? undefined : init.workers.get(account.toLowerCase())
  if (job.status !== 'open' && (worker === undefined || worker !== job.result?.worker)) {
    fault(`it was finalised by ${account ?? 'nobody'}, which is no worker of this network`)
  }

  const stored = await storedAnswer(client, request.callbackId, provider)
  if (job.status === 'succeeded') {
    const codec = registry.task(task).output
    const kept = stored.answered
      ? new TextDecoder().decode(codec.toContent(codec.decode(getBytes(stored.data))).bytes)
      : undefined
    if (kept !== text) {
      fault(`the client holds ${JSON.stringify(kept)}, the subgraph says ${JSON.stringify(text)}`)
    }
  }
  return {
    faults,
    report: {
      id: job.id.toString(),
      task,
      status: job.status,
      worker: worker ?? null,
      account: account === undefined ? null : account,
      executions,
      output: text ?? null,
      txHash: job.result?.txHash ?? null,
      latencyMs: init.latencyMs ?? null
    }
  }
}
