import { existsSync, readdirSync } from 'node:fs'
import { hostname, uptime } from 'node:os'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { ConfigError } from '../../src/interface/index.js'
import type { LoadedSettings } from '../config/load.js'
import { dataRoot, resolveDataDir } from '../config/resolve.js'
import { describe } from '../status/present.js'
import { readStatusFile, statusFileName } from '../status/status-file.js'
import { judge, type Surroundings } from '../status/verdict.js'
import { addSettings, open } from './options.js'

export function addStatusCommand(program: Command): void {
  const command = new Command('status')
    .description('tell how a node of this machine is: whether it runs, can work, and if not, what to do')
    .addHelpText(
      'after',
      `
Reads what the node leaves in its data directory every five seconds; nothing is asked of the node, the chain or the network.
Without --data-dir and --role it tells of all nodes under ${dataRoot}. The exit code is 0 if each of them runs, is ready, and
can work, and 1 if not.

Examples:
  $ npx buffalo-node status
  $ npx buffalo-node status --role worker --account-index 2
  $ npx buffalo-node status --data-dir /var/lib/buffalo --json
`
    )
  addSettings(command, ['dataDir', 'role', 'accountIndex']).action(() => status(command))
  program.addCommand(command.copyInheritedSettings(program))
}

async function status(command: Command): Promise<void> {
  const { loaded, output } = open(command)
  const surroundings = look()
  const nodes = await Promise.all(
    dataDirsOf(loaded).map(async dataDir => {
      const verdict = judge(await readStatusFile(dataDir), dataDir, surroundings)
      return { dataDir, verdict }
    })
  )
  output.result(
    {
      ok: nodes.every(({ verdict }) => verdict.ok),
      nodes: nodes.map(({ dataDir, verdict: { condition, ok, says, advice, problems, status } }) => ({
        ...{ dataDir: resolve(dataDir), condition, ok, says, advice: advice ?? null, problems },
        status: status ?? null
      }))
    },
    nodes.map(({ dataDir, verdict }) => describe(verdict, dataDir, surroundings.nowMs)).join('\n\n')
  )
}

/** The directories that are asked for: one, or all in which a node has run. Throws ConfigError where there is none. */
function dataDirsOf({ settings }: LoadedSettings): string[] {
  const { dataDir, role } = settings
  if (dataDir !== undefined) return [dataDir]
  if (role !== undefined) return [resolveDataDir(settings, role)]
  const found = foldersOf(dataRoot)
    .map(name => join(dataRoot, name))
    .filter(path => existsSync(join(path, statusFileName)))
  if (found.length === 0) {
    throw new ConfigError(
      `No node has run under ${resolve(dataRoot)}: name its data directory with --data-dir, or go to the folder in which it was started`
    )
  }
  return found
}

/** Throws ConfigError where the path cannot be looked into: it is a file, or of another user. */
function foldersOf(path: string): string[] {
  if (!existsSync(path)) return []
  try {
    return readdirSync(path).sort()
  } catch (err) {
    throw new ConfigError(
      `${resolve(path)} cannot be looked into (${err instanceof Error ? err.message : String(err)}): check its rights, or name the data directory of the node with --data-dir`,
      { cause: err }
    )
  }
}

function look(): Surroundings {
  const nowMs = Date.now()
  return { nowMs, host: hostname(), bootMs: nowMs - uptime() * 1_000, isAlive }
}

/** Whether a process has the pid. One of another user cannot be signalled, and is there all the same. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    // In a container the pids of yesterday come again.
    return pid !== process.pid
  } catch (err) {
    return err instanceof Error && 'code' in err && err.code === 'EPERM'
  }
}
