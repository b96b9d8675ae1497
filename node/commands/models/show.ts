import { Command } from 'commander'
import { type AnyTask, type ManifestDocument, manifestLocation } from '../../../models/index.js'
import { addSettings, open } from '../options.js'
import { findModel, findModels, lookupSettings } from './common.js'
import { sizeOf, toPlain } from './list.js'

export function addModelsShowCommand(models: Command): void {
  const command = new Command('show')
    .description('tell all about one model')
    .argument('<name or cid>', 'as `models list` shows it')
    .addHelpText('after', '\nExamples:\n  $ npx buffalo-node models show pp-ocrv4-ch\n')
  addSettings(command, lookupSettings).action((name: string) => show(name, command))
  models.addCommand(command.copyInheritedSettings(models))
}

async function show(name: string, command: Command): Promise<void> {
  const { loaded, output } = open(command)
  const known = await findModels(loaded.settings, output.progress)
  const document = findModel(known, name)
  const task = known.registry.task(document.manifest.task)
  const { contract, aliases, input, output: answer } = task
  output.result(
    {
      ok: true,
      model: { ...toPlain(document), location: manifestLocation(document.cid), manifest: document.manifest },
      task: {
        name: task.name,
        aliases,
        contract,
        input: { type: input.type, abi: input.abi },
        output: { type: answer.type, abi: answer.abi }
      }
    },
    describe(document, task)
  )
}

function describe({ manifest, cid, path }: ManifestDocument, task: AnyTask): string {
  const { name, description, architecture, runtime, licence, files, settings, testVectors } = manifest
  const rows: [string, string][] = [
    ['model', name],
    ['', description],
    ['location', manifestLocation(cid)],
    ['task', `${task.name} (contract ${task.contract})`],
    ['input', `${task.input.type} ${task.input.abi}`],
    ['output', `${task.output.type} ${task.output.abi}`],
    ['architecture', architecture],
    ['runtime', `${runtime.kind}, ${runtime.threads} thread(s), optimisation ${runtime.optimisation}`],
    ['licence', licence],
    ['size', `${(sizeOf(manifest) / 1e6).toFixed(1)} MB`],
    ...Object.entries(files).map(([key, file]): [string, string] => [
      'file',
      `${key}: ${file.path} (${file.cid})`
    ]),
    ['settings', JSON.stringify(settings)],
    ['test vectors', String(testVectors.length)],
    ['manifest', path]
  ]
  return rows.map(([key, value]) => `${key.padEnd(13)} ${value}`).join('\n')
}
