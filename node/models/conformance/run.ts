import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AnyTask, createModelRegistry } from '../../../models/index.js'
import type { TensorOutput } from '../../../models/tensor/task.js'
import {
  type Executor,
  type Logger,
  type Manifest,
  ManifestError,
  OutputFormat,
  ProcessError
} from '../../../src/interface/index.js'
import { withExecutor } from '../check.js'
import { type Case, type DataSet, findCases, readDataSets, writeCaseModel } from './cases.js'
import { tensorDifference } from './compare.js'
import { knownCause } from './known.js'
import { UnsupportedCaseError } from './unsupported.js'

export interface ConformanceInit {
  /** Cases lie in it, however deep. */
  folder: string
  runtime: Manifest['runtime']['kind']
  timeoutMs: number
  memoryMb: number
  logger: Logger
  signal: AbortSignal
  progress(line: string): void
}

/** A case that did not pass, and why. */
export interface CaseFault {
  name: string
  reason: string
  /** What is known of it: why it is no fault of this program; null where nothing is. */
  known: string | null
}

export interface ConformanceReport {
  passed: string[]
  failed: CaseFault[]
  /** ONNX Runtime, or the tensor task, lacks an operator or a type that the case needs. */
  unsupported: Omit<CaseFault, 'known'>[]
}

/**
 * What ONNX Runtime says of what it lacks: operators and types without an implementation for the processor, operators that it
 * does not know, and versions of ONNX that are newer than it.
 */
const lacks =
  /NOT_IMPLEMENTED|Could not find an implementation|is not a registered function|No Op registered|No opset import for domain|Unsupported model IR version|is under development|unsupported data type|Unsupported type|is no tensor|Batchwise recurrent operations/iu
/** What the errors on the way add: which file of which model. */
const preamble = /^.*(does not take the file|the graph) \/\S*(:| is refused:) /u
/** Refused on purpose: see models/tools/graph-check.ts. */
const refused = /draws its own random numbers|is not ONNX's own|holds steps of a training/u

/** Runs every case through the `tensor` task, in a child process as a worker does. Throws ConfigError, InterruptedError. */
export async function runConformance(init: ConformanceInit): Promise<ConformanceReport> {
  const { folder, runtime, signal, progress } = init
  const cases = await findCases(folder)
  const registry = await createModelRegistry({ onFault: () => undefined })
  const task = registry.task('tensor')
  const models = await mkdtemp(join(tmpdir(), 'buffalo-onnx-'))
  const report: ConformanceReport = { passed: [], failed: [], unsupported: [] }
  try {
    progress(`Preparing ${cases.length} cases`)
    const manifests: string[] = []
    for (const [index, item] of cases.entries()) {
      signal.throwIfAborted()
      manifests.push(await writeCaseModel(item, join(models, String(index)), runtime))
    }
    await withExecutor(init, [models], async executor => {
      for (const [index, item] of cases.entries()) {
        if (index % 100 === 0) {
          progress(`${index} of ${cases.length}`)
        }
        await runCase(item, manifests[index] ?? '', { task, executor, signal, report })
      }
    })
  } finally {
    await rm(models, { recursive: true })
  }
  return report
}

interface CaseContext {
  task: AnyTask
  executor: Executor
  signal: AbortSignal
  report: ConformanceReport
}

async function runCase(item: Case, manifest: string, context: CaseContext): Promise<void> {
  const { report, signal } = context
  const { name } = item
  try {
    const sets = await readDataSets(item)
    for (const set of sets) {
      const fault = await runDataSet(set, manifest, context)
      if (fault !== undefined) {
        if (lacks.test(fault) || refused.test(fault)) {
          report.unsupported.push({ name, reason: fault })
        } else {
          report.failed.push({ name, reason: fault, known: knownCause(name, fault) ?? null })
        }
        return
      }
    }
    if (sets.length === 0) {
      report.failed.push({ name, reason: 'it has no test_data_set', known: null })
    } else {
      report.passed.push(name)
    }
  } catch (err) {
    signal.throwIfAborted()
    if (err instanceof UnsupportedCaseError) {
      report.unsupported.push({ name, reason: err.message })
    } else if (err instanceof ManifestError) {
      report.failed.push({ name, reason: err.message, known: null })
    } else {
      throw err
    }
  }
}

/** What went wrong, in words; undefined where nothing did. */
async function runDataSet(
  { inputs, outputs }: DataSet,
  manifest: string,
  { task, executor, signal }: CaseContext
): Promise<string | undefined> {
  const { bytes } = task.input.toContent({ inputs })
  try {
    const outcome = await executor.execute(
      {
        job: { key: '0'.repeat(64), category: task.category, seed: '0x', outputFormat: OutputFormat.Raw },
        manifest,
        input: { encoding: 'content', bytes },
        output: 'content'
      },
      { signal }
    )
    if (!outcome.success) {
      return outcome.reason
    }
    const answer = task.output.fromContent(outcome.content?.bytes ?? new Uint8Array()) as TensorOutput
    for (const expected of outputs) {
      const fault = tensorDifference(
        answer.outputs.find(({ name }) => name === expected.name),
        expected
      )
      if (fault !== undefined) {
        return fault
      }
    }
    return undefined
  } catch (err) {
    signal.throwIfAborted()
    if (err instanceof ProcessError) {
      return err.message.replace(preamble, '')
    }
    throw err
  }
}
