import { Command } from 'commander'
import { addModelsAddCommand } from './models/add.js'
import { addModelsCheckCommand } from './models/check.js'
import { addModelsConformanceCommand } from './models/conformance.js'
import { addModelsListCommand } from './models/list.js'
import { addModelsNewCommand } from './models/new.js'
import { addModelsRunCommand } from './models/run.js'
import { addModelsShowCommand } from './models/show.js'

export function addModelsCommand(program: Command): void {
  const command = new Command('models')
    .description('list, check, run, add and make models, without a network')
    .addHelpText(
      'after',
      `
Examples:
  $ npx buffalo-node models list
  $ npx buffalo-node models run image-to-text --input picture.png
  $ npx buffalo-node models new tensor my-model
  $ npx buffalo-node models check my-model --write
  $ npx buffalo-node models add my-model --data-dir .buffalo/worker-1
`
    )
    .copyInheritedSettings(program)
  addModelsListCommand(command)
  addModelsShowCommand(command)
  addModelsCheckCommand(command)
  addModelsAddCommand(command)
  addModelsRunCommand(command)
  addModelsNewCommand(command)
  addModelsConformanceCommand(command)
  program.addCommand(command)
}
