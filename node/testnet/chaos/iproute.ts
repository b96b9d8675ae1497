import { spawnSync } from 'node:child_process'
import { ProcessError } from '../../../src/interface/index.js'

/** A command of `ip` takes some milliseconds; the kernel may hold one up while it ends a namespace. */
const timeoutMs = 10_000

/**
 * Runs `ip` of iproute2, and returns what it prints. Synchronous, so that whatever ends this process finds each step either done and
 * noted or not begun. Throws ProcessError with what `ip` says.
 */
export function ip(args: string[], lines: string[] = []): string {
  const { status, signal, error, stdout, stderr } = spawnSync('ip', args, {
    input: lines.map(line => `${line}\n`).join(''),
    encoding: 'utf8',
    timeout: timeoutMs
  })
  if (status !== 0) {
    const why = error?.message ?? (stderr.trim() || (signal ?? `code ${status}`))
    throw new ProcessError(`\`ip ${args.join(' ')}\` failed: ${why.replaceAll('\n', ', ')}`, { cause: error })
  }
  return stdout
}

/** Many commands of `ip` in one namespace, or outside; those before one that fails stay done. Throws ProcessError. */
export function ipBatch(namespace: string | undefined, commands: string[]): void {
  ip([...(namespace === undefined ? [] : ['-n', namespace]), '-batch', '-'], commands)
}

/** Whether a network interface of that name exists outside of namespaces. Throws ProcessError. */
export function hasLink(name: string): boolean {
  return ip(['-oneline', 'link', 'show']).includes(`: ${name}@`)
}

/** The names under which namespaces are kept (`/run/netns`). Throws ProcessError. */
export function namedNamespaces(): string[] {
  return ip(['netns', 'list'])
    .split('\n')
    .map(line => line.split(' ')[0] ?? '')
    .filter(name => name !== '')
}

/** The IPv4 networks that this machine has routes to, as `ip` writes them: `10.1.0.0/16`, `10.1.2.3`. Throws ProcessError. */
export function routedNetworks(): string[] {
  const routes: unknown = JSON.parse(ip(['-json', '-4', 'route', 'show', 'table', 'all']) || '[]')
  return (Array.isArray(routes) ? routes : [])
    .map((route: { dst?: unknown }) => route.dst)
    .filter(dst => typeof dst === 'string')
    .filter(dst => dst !== 'default')
}
