/** The one file that reads the environment, and writes to it. */

import { homedir } from 'node:os'
import { join } from 'node:path'

/** The variables that begin with `BUFFALO_`, and are not empty. */
export function readEnvironment(): Record<string, string> {
  const variables: Record<string, string> = {}
  for (const [name, value] of Object.entries(process.env)) {
    if (name.startsWith('BUFFALO_') && value !== undefined && value !== '') {
      variables[name] = value
    }
  }
  return variables
}

/** The environment for a process of the local network: this one's, without what the user set for their own node. */
export function childEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('BUFFALO_')))
}

/**
 * Since 1.29 ONNX Runtime sends the names, hashes and run times of models to its maker, unless this is set before the
 * first session; and it leaves a file for each process in the temporary directory. A node tells nobody what it runs.
 */
export function forbidTelemetry(): void {
  process.env.ORT_DISABLE_TELEMETRY = '1'
}

/** Where this user's programs keep what they can make again, as the XDG base directories say. */
export function cacheFolder(): string {
  const home = process.env.XDG_CACHE_HOME
  return join(home === undefined || home === '' ? join(homedir(), '.cache') : home, 'buffalo-node')
}
