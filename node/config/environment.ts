/** The one file that reads the environment. */

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
