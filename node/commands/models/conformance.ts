import { resolve } from 'node:path'
import { Command } from 'commander'
import { choice } from '../../config/fields.js'
import { resolveLog } from '../../config/resolve.js'
import { createLogger } from '../../log.js'
import { type ConformanceReport, runConformance } from '../../models/conformance/run.js'
import { listenForStop } from '../../stop-signal.js'
import { parseFlag } from '../flags.js'
import { addSettings, open } from '../options.js'
import { executionLimits, executionSettings } from './common.js'

export function addModelsConformanceCommand(models: Command): void {
  const command = new Command('conformance')
    .description("run ONNX's own backend test cases through the tensor task")
    .argument(
      '<folder>',
      'holds cases, however deep: model.onnx beside test_data_set_0/input_0.pb, output_0.pb'
    )
    .option('--runtime <kind>', 'native or canonical', 'native')
    .addHelpText(
      'after',
      `
A case is unsupported where ONNX Runtime or the tensor task lacks an operator or a type, or where the graph draws random numbers.

Examples:
  $ npx buffalo-node models conformance test/fixtures/onnx
  $ npm run onnx-conformance -- /usr/share/libonnx-testdata/data --json
`
    )
  addSettings(command, executionSettings).action((folder: string) => conformance(folder, command))
  models.addCommand(command.copyInheritedSettings(models))
}

async function conformance(folder: string, command: Command): Promise<void> {
  const { loaded, output, flags } = open(command)
  const runtime = parseFlag('--runtime', choice('native', 'canonical'), flags.runtime) ?? 'native'
  const stop = listenForStop(output.progress, 'the run')
  try {
    const report = await runConformance({
      folder: resolve(folder),
      runtime,
      ...executionLimits(loaded.settings),
      logger: createLogger({ ...resolveLog(loaded.settings), level: loaded.settings.logLevel ?? 'error' }),
      signal: stop.signal,
      progress: output.progress
    })
    const { passed, failed, unsupported } = report
    output.result(
      {
        ok: failed.length === 0,
        runtime,
        passed: passed.length,
        failed: failed.length,
        unsupported: unsupported.length,
        failedCases: failed,
        unsupportedCases: unsupported
      },
      describe(report)
    )
  } finally {
    stop.dispose()
  }
}

function describe({ passed, failed, unsupported }: ConformanceReport): string {
  return [
    ...unsupported.map(({ name, reason }) => `unsupported  ${name}: ${firstLine(reason)}`),
    ...failed.map(
      ({ name, reason, known }) =>
        `FAILED       ${name}: ${firstLine(reason)}${known === null ? '' : ` (known: ${known})`}`
    ),
    `${passed.length} passed, ${failed.length} failed, ${unsupported.length} unsupported`
  ].join('\n')
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').slice(0, 300)
}
