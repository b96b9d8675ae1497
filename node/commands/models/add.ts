import { Command } from 'commander'
import { ManifestError } from '../../../src/interface/index.js'
import { resolveLog } from '../../config/resolve.js'
import { createLogger } from '../../log.js'
import { addModel } from '../../models/add.js'
import { checkModel } from '../../models/check.js'
import { findOneManifest } from '../../models/model-paths.js'
import { listenForStop } from '../../stop-signal.js'
import { addSettings, open } from '../options.js'
import { toPlain } from './check.js'
import { executionLimits, executionSettings } from './common.js'

const defaultDataDir = '.buffalo/worker-1'

export function addModelsAddCommand(models: Command): void {
  const command = new Command('add')
    .description("check a model, and copy it into a worker's data directory")
    .argument('<dir>', 'folder of the model, or its manifest')
    .addHelpText(
      'after',
      `
The worker of that data directory offers it from its next start on.

Examples:
  $ npx buffalo-node models add my-model
  $ npx buffalo-node models add my-model --data-dir .buffalo/worker-2 --json
`
    )
  addSettings(command, ['dataDir', ...executionSettings]).action((dir: string) => add(dir, command))
  models.addCommand(command.copyInheritedSettings(models))
}

async function add(dir: string, command: Command): Promise<void> {
  const { loaded, output } = open(command)
  const { settings } = loaded
  const dataDir = settings.dataDir ?? defaultDataDir
  const stop = listenForStop(output.progress, 'the check')
  try {
    const report = await checkModel({
      path: await findOneManifest(dir),
      write: false,
      ...executionLimits(settings),
      logger: createLogger({ ...resolveLog(settings), level: settings.logLevel ?? 'warn' }),
      signal: stop.signal,
      progress: output.progress
    })
    const { document, faults } = report
    if (faults.length > 0) {
      throw new ManifestError(
        `The model ${document.manifest.name} is not added, as no worker would offer it: ${faults.join('; ')}`
      )
    }
    const folder = await addModel(document, dataDir)
    output.result(
      { ...toPlain(report), folder },
      `${document.manifest.name} lies in ${folder}. A worker with --data-dir ${dataDir} offers it from its next start on, as ipfs://${document.cid}`
    )
  } finally {
    stop.dispose()
  }
}
