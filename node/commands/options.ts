import type { Command } from 'commander'
import { readEnvironment } from '../config/environment.js'
import { type LoadedSettings, loadSettings } from '../config/load.js'
import { type SettingName, settings } from '../config/settings.js'
import { createOutput, type Output } from '../output.js'

/** Adds the flags of the named settings, --config and --json. */
export function addSettings(command: Command, names: SettingName[]): Command {
  for (const name of names) {
    const setting = settings[name]
    if ('flag' in setting && setting.flag !== undefined) {
      command.option(setting.flag, setting.description)
    }
  }
  return command
    .option('--config <path>', 'configuration file: JSON with the same names, written accountIndex')
    .option('--json', 'print one JSON object on stdout; logs and progress go to stderr')
}

/** What an action starts with: its settings from all sources, and where it prints. */
export function open(command: Command): {
  loaded: LoadedSettings
  output: Output
  flags: Record<string, unknown>
} {
  const flags = command.opts<Record<string, unknown>>()
  return {
    flags,
    output: createOutput(flags.json === true),
    loaded: loadSettings({ flags, environment: readEnvironment() })
  }
}
