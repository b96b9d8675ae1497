import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { z } from 'zod'
import { createModelRegistry } from '../../../models/index.js'
import { ConfigError } from '../../../src/interface/index.js'
import type { Field } from '../../config/fields.js'
import { copyModel, writeArchitecture } from '../../models/skeleton.js'
import { packageRoot } from '../../paths.js'
import { parseFlag } from '../flags.js'
import { addSettings, open } from '../options.js'

const modelName: Field<string> = {
  schema: z.string().regex(/^[a-z][a-z0-9-]{0,60}$/u),
  must: 'small letters, digits and hyphens, such as my-model'
}

export function addModelsNewCommand(models: Command): void {
  const command = new Command('new')
    .description('write a new model that works, to begin with')
    .argument('<task>', 'for example tensor')
    .argument('<name>', 'of the model: small letters, digits and hyphens')
    .option('--dir <path>', 'folder to make; named as the model by default')
    .option('--architecture <name>', "of the model to begin with; the task's first one by default")
    .option('--code', "write a new architecture into this checkout's models folder, instead of a copy")
    .addHelpText(
      'after',
      `
Without --code, a model of the task is copied: its manifest, its files and its test vectors. Replace the files by yours.

Examples:
  $ npx buffalo-node models new tensor my-model
  $ npx buffalo-node models new text-generation my-model --architecture decoder --dir /tmp/my-model
  $ npx buffalo-node models new text-classification my-architecture --code
`
    )
  addSettings(command, []).action((task: string, name: string) => create(task, name, command))
  models.addCommand(command.copyInheritedSettings(models))
}

async function create(taskName: string, rawName: string, command: Command): Promise<void> {
  const { output, flags } = open(command)
  const registry = await createModelRegistry({ onFault: err => output.progress(`left out: ${err.message}`) })
  const task = registry.task(taskName)
  const name = parseFlag('<name>', modelName, rawName) ?? rawName
  if (flags.code === true) {
    const taskFolder = join(packageRoot, 'models', task.name)
    if (!existsSync(join(taskFolder, 'task.ts')) || !existsSync(join(packageRoot, 'tsconfig.json'))) {
      throw new ConfigError(
        '--code (flag): needs a checkout of the repository, with the sources of its models'
      )
    }
    const written = await writeArchitecture(task, name, taskFolder)
    const next = `npm run build:ts && npx buffalo-node models check ${written.manifest} --write`
    output.result(
      { ok: true, name, task: task.name, ...written, next },
      `Written: ${written.code}\n         ${written.manifest}\nNext: ${next}`
    )
    return
  }
  const candidates = registry.manifests().filter(({ manifest }) => registry.task(manifest.task) === task)
  const template = candidates.find(
    ({ manifest }) => flags.architecture === undefined || manifest.architecture === flags.architecture
  )
  if (template === undefined) {
    const known = [...new Set(candidates.map(({ manifest }) => manifest.architecture))].join(', ') || 'none'
    throw new ConfigError(
      `--architecture (flag): there is no model to begin with; the architectures of ${task.name} that have one: ${known}. Begin with code by --code`
    )
  }
  const folder = flags.dir === undefined ? name : String(flags.dir)
  const manifest = await copyModel(template, name, folder)
  const next = `npx buffalo-node models check ${folder} --write`
  output.result(
    { ok: true, name, task: task.name, manifest, template: template.manifest.name, next },
    `Written: ${manifest}, from ${template.manifest.name}\nNext: replace its files by yours, then ${next}`
  )
}
