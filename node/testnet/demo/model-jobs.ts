import { getBytes, type Signer } from 'ethers'
import {
  type AnyTask,
  cidOfBytes,
  type ManifestDocument,
  type ModelRegistry,
  readTestFile
} from '../../../models/index.js'
import { difference } from '../../../models/tools/compare.js'
import {
  type Address,
  DataLocation,
  type OutputContent,
  OutputFormat,
  type TestVector
} from '../../../src/interface/index.js'
import { encodeInput, sendRequest, taskRequest } from '../../client/ask.js'
import type { JobView } from '../../client/job-queries.js'
import { locationOf, show } from '../../client/present.js'
import type { NetworkFile } from '../../config/network-file.js'

/** A job that asks a model for the answer to its own first test vector. */
export interface ModelJob {
  document: ManifestDocument
  task: AnyTask
  vector: TestVector
  jobId: bigint
}

/** Asks each model of the repository, except those of games, which their games ask. All through their contracts. */
export async function askModels(init: {
  registry: ModelRegistry
  network: NetworkFile & { client: Address }
  signer: Signer
  onJob(jobId: bigint, subject: string): void
}): Promise<ModelJob[]> {
  const { registry, network, signer } = init
  const { oracle, models } = network
  const askModel = async (document: ManifestDocument): Promise<ModelJob[]> => {
    const { name, testVectors } = document.manifest
    const task = registry.task(document.manifest.task)
    const model = models[`${task.name}/${name}`]
    const [vector] = testVectors
    if (task.input.type === 'game' || vector === undefined || model === undefined || !signer.provider) {
      return []
    }
    const input = { kind: 'content', bytes: await readTestFile(document, vector.input) } as const
    const encoded = await encodeInput(task, input, oracle, signer.provider)
    // Pictures are read through the example client, all else by the account itself.
    const client = model === models['image-to-text'] ? network.client : undefined
    const target = { oracle, model, client }
    const asking = { input, encoded, seed: vector.seed, format: OutputFormat.Raw }
    const { jobId } = await sendRequest(taskRequest(task, target, asking), target, signer)
    init.onJob(jobId, `${task.name}/${name}`)
    return [{ document, task, vector, jobId }]
  }
  return (await Promise.all(registry.manifests().map(askModel))).flat()
}

/** What came of a job: its output as a file, for people and programs, and what is wrong with it. */
export interface ModelAnswer {
  content: OutputContent | undefined
  /** As the command `job` shows it. */
  output: unknown
  faults: string[]
}

/** Reads a job's output, from the chain or from where it lies, and compares it with what the test vector expects. */
export async function readAnswer(
  { task, vector, document }: ModelJob,
  job: JobView,
  registry: ModelRegistry,
  read: (location: string) => Promise<Uint8Array>
): Promise<ModelAnswer> {
  const shown = show(job, registry)
  const { result } = job
  if (job.status !== 'succeeded' || result === undefined) {
    const why = result?.failure === undefined ? '' : ` with ${result.failure.name}: ${result.failure.reason}`
    return { content: undefined, output: undefined, faults: [`it is ${job.status}${why}`] }
  }
  const location = locationOf(shown)
  if (job.outputLocation !== DataLocation.OnChain && location === undefined) {
    return { content: undefined, output: undefined, faults: ['its output is no location'] }
  }
  const value =
    location === undefined
      ? task.output.decode(getBytes(result.output))
      : task.output.fromContent(await read(location))
  const content = task.output.toContent(value)
  const fault = await unexpected(task, document, vector, content)
  return { content, output: shown.output, faults: fault === undefined ? [] : [fault] }
}

async function unexpected(
  task: AnyTask,
  document: ManifestDocument,
  { expected }: TestVector,
  content: OutputContent
): Promise<string | undefined> {
  if (typeof expected !== 'string') {
    return difference(content, await readTestFile(document, expected.file), expected.tolerance)
  }
  const found =
    task.output.type === 'text' ? new TextDecoder().decode(content.bytes) : cidOfBytes(content.bytes)
  return found === expected
    ? undefined
    : `the output is ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`
}
