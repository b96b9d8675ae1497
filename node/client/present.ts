import Table from 'cli-table3'
import { AbiCoder, formatEther, getBytes } from 'ethers'
import { z } from 'zod'
import type { AnyTask, ModelRegistry } from '../../models/index.js'
import { DataLocation } from '../../src/interface/index.js'
import { callbackReason } from './callback-reason.js'
import type { JobView } from './job-queries.js'

/** A job with its output decoded by its task's codec. */
export interface ShownJob {
  job: JobView
  /** Name of the task; `category 9` for one that this version does not know. */
  task: string
  /**
   * For programs: the text of a text, the location of what lies elsewhere, JSON for all else. Undefined while there is
   * none, and where it is not what the task says (the worker that wrote it was a stranger's).
   */
  output: unknown
  /** The output for people. */
  text: string | undefined
  /** The same in one line. */
  line: string | undefined
}

export function show(job: JobView, registry: ModelRegistry): ShownJob {
  const task = registry.tasks().find(candidate => candidate.category === job.category)
  const output = outputOf(job, task)
  return {
    job,
    task: task?.name ?? `category ${job.category}`,
    output,
    text: textOf(output),
    line: lineOf(output)
  }
}

/** Where the output lies; undefined where it is on chain, or there is none. */
export function locationOf({ job }: ShownJob): string | undefined {
  return job.result === undefined || job.status !== 'succeeded' || job.outputLocation === DataLocation.OnChain
    ? undefined
    : decodeString(job.result.output)
}

function outputOf(job: JobView, task: AnyTask | undefined): unknown {
  if (job.status !== 'succeeded' || job.result === undefined) {
    return undefined
  }
  if (job.outputLocation !== DataLocation.OnChain) {
    return decodeString(job.result.output)
  }
  return task === undefined ? undefined : decodedOutput(task, job.result.output)
}

/** What an output on chain says; undefined where it breaks the task's format. */
export function decodedOutput(task: AnyTask, output: string): unknown {
  try {
    const { bytes, mediaType } = task.output.toContent(task.output.decode(getBytes(output)))
    if (mediaType === 'application/json') {
      return JSON.parse(new TextDecoder().decode(bytes))
    }
    return mediaType.startsWith('text/')
      ? new TextDecoder().decode(bytes)
      : `${bytes.length} bytes of ${mediaType}`
  } catch {
    // A worker may write anything; what cannot be decoded is shown as what it is: nothing.
    return undefined
  }
}

function decodeString(output: string): string | undefined {
  try {
    return String(AbiCoder.defaultAbiCoder().decode(['string'], output).toArray()[0])
  } catch {
    // As above.
    return undefined
  }
}

const labelsSchema = z.array(z.looseObject({ label: z.string(), score: z.number() })).min(1)

function textOf(output: unknown): string | undefined {
  if (output === undefined || typeof output === 'string') {
    return output
  }
  const labels = labelsSchema.safeParse(output)
  return labels.success ? scoreTable(labels.data) : JSON.stringify(output)
}

function lineOf(output: unknown): string | undefined {
  const labels = labelsSchema.safeParse(output)
  return labels.success
    ? labels.data.map(({ label, score }) => `${label} ${score.toFixed(2)}`).join(', ')
    : textOf(output)?.replaceAll('\n', ' / ')
}

/** One row for each label, with whatever else is told of it. */
function scoreTable(labels: z.infer<typeof labelsSchema>): string {
  const names = Object.keys(labels[0] ?? {})
  const table = new Table({ head: names, style: { head: [], border: [], compact: true } })
  for (const label of labels) {
    table.push(
      names.map(name =>
        name === 'score' ? label.score.toFixed(4) : String(label[name as keyof typeof label])
      )
    )
  }
  return table.toString()
}

/** The JSON form of the commands submit, jobs and job. */
export function toPlain({ job, task, output }: ShownJob): Record<string, unknown> {
  return {
    id: job.id.toString(),
    task,
    status: job.status,
    model: job.model,
    client: job.client,
    createdAt: new Date(job.createdAtMs).toISOString(),
    deadline: new Date(job.deadlineMs).toISOString(),
    paymentWei: job.payment.toString(),
    requestTxHash: job.requestTxHash,
    blockNumber: job.blockNumber,
    worker: job.result?.worker ?? null,
    account: job.result?.account ?? null,
    output: output ?? null,
    failure: job.result?.failure ?? null,
    callbackSucceeded: job.result?.callbackSucceeded ?? null,
    callback: callbackLine(job) ?? null,
    txHash: job.result?.txHash ?? null
  }
}

/** Who has a job's payment. */
const whereabouts = {
  open: 'held by the Oracle',
  succeeded: 'credited to the worker and the model',
  failed: 'credited back to the client'
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
    ['payment', `${formatEther(job.payment)} ether, ${whereabouts[job.status]}`],
    ['request', job.requestTxHash],
    ['worker', result?.worker],
    ['account', result?.account],
    ['transaction', result === undefined ? undefined : `${result.txHash}, block ${result.blockNumber}`],
    ['callback', callbackLine(job)],
    ['failure', failureLine(job)],
    ['output', text === undefined ? undefined : text.replaceAll('\n', `\n${' '.repeat(13)}`)]
  ]
  return rows
    .filter((row): row is [string, string] => row[1] !== undefined)
    .map(([name, value]) => `${name.padEnd(12)} ${value}`)
    .join('\n')
}

/** `taken`, or what it reverted with; undefined where none was made. */
function callbackLine({ result }: JobView): string | undefined {
  if (result?.callbackSucceeded === undefined) return undefined
  return result.callbackSucceeded ? 'taken' : callbackReason(result.callbackReturnData)
}

/** `InvalidInput: The picture is neither PNG nor JPEG`; undefined for a job that did not fail. */
export function failureLine(job: JobView): string | undefined {
  const failure = job.result?.failure
  return failure === undefined ? undefined : `${failure.name}: ${failure.reason}`
}
