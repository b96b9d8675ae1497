import { Command } from 'commander'
import { resolveLog } from '../../config/resolve.js'
import { createLogger } from '../../log.js'
import { type CheckReport, checkModel } from '../../models/check.js'
import { findOneManifest } from '../../models/model-paths.js'
import { listenForStop } from '../../stop-signal.js'
import { addSettings, open } from '../options.js'
import { executionLimits, executionSettings } from './common.js'

export function addModelsCheckCommand(models: Command): void {
  const command = new Command('check')
    .description('do with a model what a worker does before it offers it')
    .argument('<dir>', 'folder of the model, or its manifest')
    .option('--write', 'fill in hashes, sizes and expected outputs, as this machine finds them')
    .addHelpText(
      'after',
      `
Checks the manifest's schema, the files and their hashes, the graphs, and runs the test vectors in a child process.

Examples:
  $ npx buffalo-node models check my-model
  $ npx buffalo-node models check models/tensor/add.manifest.json --write
`
    )
  addSettings(command, executionSettings).action((dir: string) => check(dir, command))
  models.addCommand(command.copyInheritedSettings(models))
}

async function check(dir: string, command: Command): Promise<void> {
  const { loaded, output, flags } = open(command)
  const stop = listenForStop(output.progress, 'the check')
  try {
    const report = await checkModel({
      path: await findOneManifest(dir),
      write: flags.write === true,
      ...executionLimits(loaded.settings),
      logger: createLogger({ ...resolveLog(loaded.settings), level: loaded.settings.logLevel ?? 'warn' }),
      signal: stop.signal,
      progress: output.progress
    })
    output.result(toPlain(report), describe(report))
  } finally {
    stop.dispose()
  }
}

/** The JSON form of `models check` and `models add`. */
export function toPlain({ document, vectors, warnings, faults }: CheckReport): {
  ok: boolean
} & Record<string, unknown> {
  const { name, task, architecture } = document.manifest
  return {
    ok: faults.length === 0,
    name,
    task,
    architecture,
    cid: document.cid,
    path: document.path,
    vectors,
    warnings,
    faults
  }
}

export function describe({ document, vectors, warnings, faults }: CheckReport): string {
  const lines = vectors.map(
    ({ input, seed, ok, durationMs }) => `  ${ok ? 'ok  ' : 'FAIL'} ${input} (seed ${seed}), ${durationMs} ms`
  )
  return [
    `${document.manifest.name}: ${document.manifest.task}, ${document.manifest.architecture}`,
    ...lines,
    ...warnings.map(warning => `  note: ${warning}`),
    ...faults.map(fault => `  FAULT: ${fault}`),
    faults.length === 0 ? `A worker would offer it, as ipfs://${document.cid}` : 'No worker would offer it'
  ].join('\n')
}
