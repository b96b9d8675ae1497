import { type AnyTask, cidOfBytes, type ManifestDocument, readTestFile } from '../../models/index.js'
import {
  type Execution,
  type Executor,
  failureName,
  type OutputContent,
  OutputFormat,
  type TestVector
} from '../../src/interface/index.js'

/** Of a text in a fault: some lines. */
const maxShownLength = 300

/** Runs a model on the input of one test vector; with `compare` it fails where the tolerance is exceeded. */
export async function runVector(
  document: ManifestDocument,
  task: AnyTask,
  { input, seed, reads = [], expected }: TestVector,
  { executor, signal, compare }: { executor: Executor; signal: AbortSignal; compare: boolean }
): Promise<Execution> {
  return executor.execute(
    {
      // No job has this key: it only names the run.
      job: { key: '0'.repeat(64), category: task.category, seed, outputFormat: OutputFormat.Raw },
      manifest: document.cid,
      input: { encoding: 'content', bytes: await readTestFile(document, input) },
      reads: reads.map(read => Buffer.from(read.slice(2), 'hex')),
      output: 'content',
      // Compared where the model runs: what a stranger's model made is not decoded here.
      expected:
        compare && typeof expected !== 'string'
          ? { bytes: await readTestFile(document, expected.file), tolerance: expected.tolerance }
          : undefined
    },
    { signal }
  )
}

/** What is wrong with a model's answer to a test vector, in words; undefined if nothing is. */
export async function failedVector(
  document: ManifestDocument,
  task: AnyTask,
  vector: TestVector,
  executor: Executor,
  signal: AbortSignal
): Promise<string | undefined> {
  const outcome = await runVector(document, task, vector, { executor, signal, compare: true })
  if (!outcome.success) {
    return `${failureName(outcome.code)}: ${outcome.reason}`
  }
  const { expected } = vector
  const found = comparable(task, outcome.content)
  return typeof expected !== 'string' || found === expected
    ? undefined
    : `the output is ${shown(found)} instead of ${shown(expected)}`
}

/** A model may answer megabytes, and this goes into the log. */
function shown(text: string): string {
  return JSON.stringify(text.length > maxShownLength ? `${text.slice(0, maxShownLength)}…` : text)
}

/** What a test vector's `expected` says of an output: the text of a text, the CID of everything else. */
export function comparable(task: AnyTask, content: OutputContent | undefined): string {
  const bytes = content?.bytes ?? new Uint8Array()
  return task.output.type === 'text' ? new TextDecoder().decode(bytes) : cidOfBytes(bytes)
}
