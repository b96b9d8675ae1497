import { getBytes } from 'ethers'
import type { AnyTask, ModelRegistry } from '../../models/index.js'
import type { JobView } from './job-queries.js'

/** A job with its output decoded by its task's codec. */
export interface ShownJob {
  job: JobView
  /** Name of the task; `category 9` for one that this version does not know. */
  task: string
  /** Text of the output; undefined while there is none, and for outputs that are no text. */
  text: string | undefined
}

export function show(job: JobView, registry: ModelRegistry): ShownJob {
  const task = registry.tasks().find(candidate => candidate.category === job.category)
  return { job, task: task?.name ?? `category ${job.category}`, text: outputText(job, task) }
}

function outputText(job: JobView, task: AnyTask | undefined): string | undefined {
  if (job.status !== 'succeeded' || job.result === undefined || task?.output.type !== 'text') {
    return undefined
  }
  const value = task.output.decode(getBytes(job.result.output))
  return new TextDecoder().decode(task.output.toContent(value).bytes)
}

/** The JSON form of the commands submit, jobs and job. */
export function toPlain({ job, task, text }: ShownJob): Record<string, unknown> {
  return {
    id: job.id.toString(),
    task,
    status: job.status,
    model: job.model,
    client: job.client,
    createdAt: new Date(job.createdAtMs).toISOString(),
    deadline: new Date(job.deadlineMs).toISOString(),
    requestTxHash: job.requestTxHash,
    blockNumber: job.blockNumber,
    worker: job.result?.worker ?? null,
    account: job.result?.account ?? null,
    output: text ?? null,
    failure: job.result?.failure ?? null,
    callbackSucceeded: job.result?.callbackSucceeded ?? null,
    txHash: job.result?.txHash ?? null
  }
}

/** One job for people, in several lines. */
export function describe({ job, task, text }: ShownJob): string {
  const { result } = job
  const rows: [string, string | undefined][] = [
    ['job', job.id.toString()],
    ['task', task],
    ['status', job.status],
    ['model', job.model],
    ['client', job.client],
    ['created', `${new Date(job.createdAtMs).toISOString()}, block ${job.blockNumber}`],
    ['deadline', job.status === 'open' ? new Date(job.deadlineMs).toISOString() : undefined],
    ['request', job.requestTxHash],
    ['worker', result?.worker],
    ['account', result?.account],
    ['transaction', result === undefined ? undefined : `${result.txHash}, block ${result.blockNumber}`],
    [
      'callback',
      result?.callbackSucceeded === undefined ? undefined : result.callbackSucceeded ? 'taken' : 'reverted'
    ],
    ['failure', failureLine(job)],
    ['output', text === undefined ? undefined : text.replaceAll('\n', `\n${' '.repeat(13)}`)]
  ]
  return rows
    .filter((row): row is [string, string] => row[1] !== undefined)
    .map(([name, value]) => `${name.padEnd(12)} ${value}`)
    .join('\n')
}

/** `InvalidInput: The picture is neither PNG nor JPEG`; undefined for a job that did not fail. */
export function failureLine(job: JobView): string | undefined {
  const failure = job.result?.failure
  return failure === undefined ? undefined : `${failure.name}: ${failure.reason}`
}
