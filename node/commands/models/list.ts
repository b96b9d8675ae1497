import Table from 'cli-table3'
import { Command } from 'commander'
import type { ManifestDocument } from '../../../models/index.js'
import { addSettings, open } from '../options.js'
import { findModels, lookupSettings } from './common.js'

export function addModelsListCommand(models: Command): void {
  const command = new Command('list')
    .description('list the models of the package, and those added to a data directory')
    .addHelpText(
      'after',
      `
Examples:
  $ npx buffalo-node models list
  $ npx buffalo-node models list --data-dir .buffalo/worker-1 --json
`
    )
  addSettings(command, lookupSettings).action(() => list(command))
  models.addCommand(command.copyInheritedSettings(models))
}

async function list(command: Command): Promise<void> {
  const { loaded, output } = open(command)
  const { documents, registry } = await findModels(loaded.settings, output.progress)
  const found = [...documents.values()]
  const tasks = registry.tasks().map(({ name, aliases, contract }) => ({
    name,
    aliases,
    contract,
    architectures: registry.architectures(name)
  }))
  output.result({ ok: true, models: found.map(toPlain), tasks }, table(found))
}

/** The JSON form of a model in lists. */
export function toPlain({ manifest, cid, path }: ManifestDocument): Record<string, unknown> {
  const { name, task, architecture, licence, description, runtime } = manifest
  return {
    name,
    cid,
    task,
    architecture,
    runtime: runtime.kind,
    licence,
    sizeBytes: sizeOf(manifest),
    description,
    path
  }
}

export function sizeOf({ files }: ManifestDocument['manifest']): number {
  return Object.values(files).reduce((sum, file) => sum + file.sizeBytes, 0)
}

function table(found: ManifestDocument[]): string {
  if (found.length === 0) {
    return 'There are no models.'
  }
  const rows = new Table({
    head: ['model', 'task', 'architecture', 'runtime', 'MB', 'licence'],
    style: { head: [], border: [], compact: true }
  })
  for (const { manifest } of found) {
    const { name, task, architecture, runtime, licence } = manifest
    rows.push([name, task, architecture, runtime.kind, (sizeOf(manifest) / 1e6).toFixed(1), licence])
  }
  return rows.toString()
}
