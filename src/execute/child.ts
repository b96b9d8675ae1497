import { cpus, platform } from 'node:os'
import { Worker } from 'node:worker_threads'
import {
  type Execution,
  type ExecutionRequest,
  FailureCode,
  JobFailedError,
  type LoadedModel,
  type Manifest,
  type OutputContent,
  OutputFormat,
  ProcessError,
  type Task
} from '../interface/index.js'
import {
  type ChildMessage,
  cutText,
  type OutputLimits,
  type ParentMessage,
  type ReceiptOrigin
} from './messages.js'
import { bytesOf, receiptOf } from './receipt.js'

/** Of the receipt. All cores of a machine are of one model, as far as a result may care. */
const cpu = cutText(cpus()[0]?.model.trim() ?? 'unknown')

/** A model that this machine has. */
export interface RunnableModel {
  task: Task<unknown, unknown>
  manifest: Manifest
  /** `native` or `canonical`, and the version of what it stands for here. */
  runtime: string
  runtimeVersion: string
  /** Of its files: what it takes in memory, roughly. */
  sizeBytes: number
  /** In what an output differs from the expected one by more than the tolerance, in words. */
  difference(found: OutputContent, expected: Uint8Array, tolerance: number): Promise<string | undefined>
  /** Throws ManifestError where files are missing or differ from their hash. */
  load(): Promise<LoadedModel<unknown, unknown>>
}

/**
 * Of the child's memory, for the files of models that are kept loaded. ONNX Runtime holds weights up to twice, as they are and
 * in the order in which it reads them; so a half of the memory is left for the run.
 */
const warmShare = 1 / 4

/** What the smallest model takes besides its files: a session of ONNX Runtime with its arena. */
const modelOverheadBytes = 8 * 2 ** 20

function weightOf({ sizeBytes }: RunnableModel): number {
  return sizeBytes + modelOverheadBytes
}

export interface ServeExecutionsInit {
  /** Undefined for a manifest that this machine does not know. Called once a manifest. */
  resolveModel(manifest: string): Promise<RunnableModel | undefined>
}

interface WarmModel {
  description: RunnableModel
  model: LoadedModel<unknown, unknown>
}

/**
 * The child's whole life: answers the runs that the parent sends, one after the other, with models kept loaded. Ends
 * with the parent, whatever ends it. Throws ProcessError in a process that has no IPC channel.
 */
export function serveExecutions({ resolveModel }: ServeExecutionsInit): void {
  if (process.send === undefined) {
    throw new ProcessError('The executor child is started by a worker node, not by hand')
  }
  const warm = new Map<string, WarmModel>()
  /** Of the files of the models kept in memory; beyond it, those used least recently are closed. */
  let warmBytes = 0
  let turn: Promise<void> = Promise.resolve()

  const use = async (manifest: string): Promise<WarmModel> => {
    const found = warm.get(manifest)
    if (found !== undefined) {
      // A Map keeps the order of insertion: the first entry is the one least recently used.
      warm.delete(manifest)
      warm.set(manifest, found)
      return found
    }
    const description = await resolveModel(manifest)
    if (description === undefined) {
      throw new JobFailedError(FailureCode.UnknownModel, `No model with the manifest ${manifest} is known`)
    }
    // Room is made first: the old and the new model would not both fit.
    let total = weightOf(description)
    for (const model of warm.values()) {
      total += weightOf(model.description)
    }
    for (const [oldest, { description: old, model }] of warm) {
      if (total <= warmBytes) {
        break
      }
      warm.delete(oldest)
      total -= weightOf(old)
      await model.close()
    }
    const loaded = { description, model: await description.load() }
    warm.set(manifest, loaded)
    return loaded
  }

  const answer = async (id: number, request: ExecutionRequest, limits: OutputLimits): Promise<void> => {
    await send(await execute(id, request, limits, use))
  }

  process.on('disconnect', () => process.exit(0))
  // A terminal or a service manager sends these to parent and child alike: the parent decides what becomes of a run.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => undefined)
  }
  process.on('message', (message: ParentMessage) => {
    switch (message.type) {
      case 'start':
        watch(message)
        warmBytes = message.memoryBytes * warmShare
        turn = turn.then(() => send({ type: 'ready' }))
        break
      case 'run':
        turn = turn.then(() => answer(message.id, message.request, message.limits))
        break
    }
  })
}

function watch({ parentPid, memoryBytes }: ParentMessage & { type: 'start' }): void {
  // On Linux the parent reads the child's memory from /proc, which no model can keep it from doing.
  const workerData = { parentPid, memoryBytes: platform() === 'linux' ? undefined : memoryBytes }
  new Worker(new URL('./child-watch.js', import.meta.url), { workerData }).unref()
}

/** Resolves once the message has left: a native run that follows would hold it back. */
function send(message: ChildMessage): Promise<void> {
  return new Promise(resolve => {
    // A channel that is closed means that the parent is gone; `disconnect` ends this process.
    process.send?.(message, undefined, undefined, () => resolve())
  })
}

async function execute(
  id: number,
  request: ExecutionRequest,
  limits: OutputLimits,
  use: (manifest: string) => Promise<WarmModel>
): Promise<ChildMessage> {
  let warm: WarmModel
  try {
    warm = await use(request.manifest)
  } catch (err) {
    return err instanceof JobFailedError
      ? failed(id, err.failureCode, err.message, undefined)
      : { type: 'unable', id, message: cutText(messageOf(err)) }
  }
  const { description, model } = warm
  const { task, manifest, runtime, runtimeVersion } = description
  let origin: ReceiptOrigin | undefined
  try {
    const input = readInput(request, task)
    const { reads = [] } = request
    const expectedReads = task.reads?.(input, manifest).length ?? 0
    if (reads.length !== expectedReads) {
      const message = `The run needs ${expectedReads} reads of the chain, and was given ${reads.length}`
      return { type: 'unable', id, message }
    }
    origin = { runtime, runtimeVersion, manifest: request.manifest, cpu }
    await send({ type: 'running', id, receipt: origin })
    const value = await model.run(input, bytesOf(request.job.seed), { reads })
    if (request.expected !== undefined) {
      const { bytes, tolerance } = request.expected
      const fault = await description.difference(task.output.toContent(value), bytes, tolerance)
      if (fault !== undefined) {
        throw new JobFailedError(FailureCode.ModelFailed, fault)
      }
    }
    return { type: 'done', id, outcome: encodeOutput(value, task, request, limits, origin) }
  } catch (err) {
    return err instanceof JobFailedError
      ? failed(id, err.failureCode, err.message, origin)
      : failed(id, FailureCode.ModelFailed, `The model failed: ${messageOf(err)}`, origin)
  }
}

function encodeOutput(
  value: unknown,
  task: Task<unknown, unknown>,
  request: ExecutionRequest,
  limits: OutputLimits,
  origin: ReceiptOrigin
): Execution {
  if (request.output === 'content') {
    const content = task.output.toContent(value)
    checkSize(content.bytes.length, limits.contentBytes)
    return { success: true, output: '0x', receipt: receiptOf(origin, content.bytes), content }
  }
  const output = task.output.encode(value)
  checkSize((output.length - 2) / 2, limits.abiBytes)
  return { success: true, output, receipt: receiptOf(origin, bytesOf(output)) }
}

function checkSize(sizeBytes: number, limit: number): void {
  if (sizeBytes > limit) {
    throw new JobFailedError(
      FailureCode.OutputTooLarge,
      `The output has ${sizeBytes} bytes: at most ${limit} are taken`
    )
  }
}

function readInput({ job, input, output }: ExecutionRequest, task: Task<unknown, unknown>): unknown {
  if (job.category !== task.category) {
    throw new JobFailedError(
      FailureCode.UnknownTask,
      `The job asks for the category ${job.category}, but its model is of task ${task.name} (${task.category})`
    )
  }
  // A file is wrapped by whoever stores it.
  if (job.outputFormat !== OutputFormat.Raw && output !== 'content') {
    throw new JobFailedError(
      FailureCode.Unsupported,
      `The output format ${job.outputFormat} is not supported on chain`
    )
  }
  return input.encoding === 'abi' ? task.input.decode(input.bytes) : task.input.fromContent(input.bytes)
}

function messageOf(err: unknown): string {
  return err instanceof Error ? err.message : String(err)
}

function failed(
  id: number,
  code: FailureCode,
  reason: string,
  origin: ReceiptOrigin | undefined
): ChildMessage {
  const receipt = origin && receiptOf(origin)
  return { type: 'done', id, outcome: { success: false, code, reason: cutText(reason), receipt } }
}
