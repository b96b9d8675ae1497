import { readFileSync, readlinkSync } from 'node:fs'

/**
 * The beginning of the names of a process's namespaces: `buffalo-<pid namespace>-<pid>-<start of the process>`. All runs of a
 * machine see each other's names, so a name tells whose it is, and whether its owner lives: a process id alone is given again,
 * and means another process in another container.
 */
export function namespacePrefix(pid = process.pid): string {
  return `buffalo-${pidNamespace()}-${pid}-${startOf(pid)}`
}

/** Whether a namespace is one of ours whose owner has ended. False for what cannot be known: another container's. */
export function isAbandoned(name: string): boolean {
  const [, space, pid = '', start] = /^buffalo-(\d+)-(\d+)-(\d+)-\w+$/.exec(name) ?? []
  return space !== undefined && space === pidNamespace() && start !== startOf(Number(pid))
}

function pidNamespace(): string {
  return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? ''
}

/** When a process started, in ticks since the machine did; undefined where there is none, or it has ended. */
function startOf(pid: number): string | undefined {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch (err) {
    if (err instanceof Error && 'code' in err && (err.code === 'ENOENT' || err.code === 'ESRCH'))
      return undefined
    throw err
  }
  // The name of the program, in parentheses, may hold anything. Of what follows, the state is the first and the start the 20th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' ? undefined : fields[19]
}
