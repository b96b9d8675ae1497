import { readFile, writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import type { AnyTask, ManifestDocument } from '../../../models/index.js'
import {
  ConfigError,
  type Execution,
  failureName,
  NotFoundError,
  OutputFormat
} from '../../../src/interface/index.js'
import { list } from '../../config/fields.js'
import { resolveLog } from '../../config/resolve.js'
import { createLogger } from '../../log.js'
import { withExecutor } from '../../models/check.js'
import { listenForStop } from '../../stop-signal.js'
import { parseFlag } from '../flags.js'
import { addSettings, open } from '../options.js'
import { hexBytes, seedOf } from '../seed.js'
import { executionLimits, executionSettings, findModel, findModels, lookupSettings } from './common.js'

export function addModelsRunCommand(models: Command): void {
  const command = new Command('run')
    .description('run a model here, without a network')
    .argument('<task>', 'for example text-generation')
    .option('--input <file or text>', 'a file, or the input itself where it is text')
    .option('--seed <seed>', 'text, or bytes as 0x…; empty by default')
    .option('--model <name or cid>', "the task's first one by default")
    .option('--reads <bytes...>', 'what contracts answer, as 0x…, for tasks that read them')
    .option('--output <file>', 'where the output goes; needed for one that is no text')
    .addHelpText(
      'after',
      `
Examples:
  $ npx buffalo-node models run image-to-text --input picture.png
  $ npx buffalo-node models run text-to-image --input "a red fish" --seed 7 --output fish.png
`
    )
  addSettings(command, [...lookupSettings, ...executionSettings]).action((task: string) => run(task, command))
  models.addCommand(command.copyInheritedSettings(models))
}

async function run(taskName: string, command: Command): Promise<void> {
  const { loaded, output, flags } = open(command)
  const { settings } = loaded
  const known = await findModels(settings, output.progress)
  const task = known.registry.task(taskName)
  const document = chooseModel(known, task, flags.model)
  const input = await readInput(task, flags.input)
  const reads = parseFlag('--reads', list(hexBytes), flags.reads) ?? []
  const target = flags.output === undefined ? undefined : String(flags.output)
  const seed = seedOf(flags.seed, '0x')
  const stop = listenForStop(output.progress, 'the model')
  const startedAtMs = performance.now()
  try {
    const outcome = await withExecutor(
      {
        ...executionLimits(settings),
        logger: createLogger({ ...resolveLog(settings), level: settings.logLevel ?? 'warn' })
      },
      [document.path],
      executor =>
        executor.execute(
          {
            job: { key: '0'.repeat(64), category: task.category, seed, outputFormat: OutputFormat.Raw },
            manifest: document.cid,
            input: { encoding: 'content', bytes: input },
            reads: reads.map(read => Buffer.from(read.slice(2), 'hex')),
            output: 'content'
          },
          { signal: stop.signal }
        )
    )
    const durationMs = Math.round(performance.now() - startedAtMs)
    const about = { task: task.name, model: document.manifest.name, cid: document.cid, seed, durationMs }
    await report(outcome, about)
  } finally {
    stop.dispose()
  }

  async function report(outcome: Execution, about: Record<string, unknown>): Promise<void> {
    const { receipt } = outcome
    if (!outcome.success) {
      const message = `The run failed with ${failureName(outcome.code)}: ${outcome.reason}`
      const error = { code: 'BUFFALO_ERR_JOB_FAILED', message }
      output.result({ ok: false, ...about, receipt, error }, message)
      return
    }
    const { bytes = new Uint8Array(), mediaType = '' } = outcome.content ?? {}
    const isText = mediaType.startsWith('text/') || mediaType === 'application/json'
    if (target !== undefined) {
      await writeFile(target, bytes)
    } else if (!isText && !output.json) {
      throw new ConfigError(`--output (flag): is missing, and must name a file for the ${mediaType}`)
    }
    const text = isText ? new TextDecoder().decode(bytes) : undefined
    output.result(
      {
        ok: true,
        ...about,
        output: text ?? null,
        file: target ?? null,
        mediaType,
        sizeBytes: bytes.length,
        receipt
      },
      target === undefined ? (text ?? '') : `${target}: ${mediaType}, ${bytes.length} bytes`
    )
  }
}

function chooseModel(
  known: Parameters<typeof findModel>[0],
  task: AnyTask,
  wanted: unknown
): ManifestDocument {
  if (wanted !== undefined) {
    const document = findModel(known, String(wanted))
    if (known.registry.task(document.manifest.task) !== task) {
      throw new ConfigError(
        `--model (flag): ${document.manifest.name} is of the task ${document.manifest.task}, not ${task.name}`
      )
    }
    return document
  }
  const first = [...known.documents.values()].find(
    ({ manifest }) => known.registry.task(manifest.task) === task
  )
  if (first === undefined) {
    throw new NotFoundError(
      `There is no model of the task ${task.name}: see \`npx buffalo-node models list\``
    )
  }
  return first
}

async function readInput(task: AnyTask, value: unknown): Promise<Uint8Array> {
  if (value === undefined) {
    if (task.input.type === 'none') {
      return new Uint8Array()
    }
    throw new ConfigError(`--input (flag): is missing: the task ${task.name} takes ${task.input.type}`)
  }
  try {
    return await readFile(String(value))
  } catch (err) {
    // What is no file is the input itself, where that can be typed.
    const isMissing =
      err instanceof Error && 'code' in err && (err.code === 'ENOENT' || err.code === 'ENAMETOOLONG')
    if (isMissing && ['text', 'game', 'tensor', 'text+image'].includes(task.input.type)) {
      return new TextEncoder().encode(String(value))
    }
    throw new ConfigError(`--input (flag): cannot read ${String(value)}`, { cause: err })
  }
}
