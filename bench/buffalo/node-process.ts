import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Answers, Reply, Request } from './messages.js'

/** A node's process, as the one that measures sees it. Requests are answered in order, one at a time. */
export interface NodeProcess {
  ask<Kind extends keyof Answers>(request: Extract<Request, { kind: Kind }>): Promise<Answers[Kind]>
  /** Asks it to stop, and kills it after `timeoutMs`. */
  stop(timeoutMs: number): Promise<void>
}

export function startNodeProcess(name: string, execArgv: string[]): NodeProcess {
  const child = fork(fileURLToPath(new URL('./node.js', import.meta.url)), [], {
    serialization: 'advanced',
    execArgv,
    // Ctrl+C reaches the process that measures alone, which ends the others.
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc']
  })
  const exited = once(child, 'exit')

  async function ask<Kind extends keyof Answers>(
    request: Extract<Request, { kind: Kind }>
  ): Promise<Answers[Kind]> {
    child.send(request)
    const [reply] = (await Promise.race([once(child, 'message'), ended(child, name)])) as [Reply]
    if (!reply.ok) throw new Error(`The node ${name} failed: ${reply.error}`)
    return reply.value as Answers[Kind]
  }

  async function ended(process: ChildProcess, who: string): Promise<never> {
    await exited
    throw new Error(`The node ${who} ended (${process.signalCode ?? `code ${process.exitCode}`})`)
  }

  return {
    ask,
    async stop(timeoutMs) {
      if (child.exitCode !== null || child.signalCode !== null) return
      const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
      if (child.connected) child.send({ kind: 'stop' } satisfies Request, () => undefined)
      else child.kill('SIGTERM')
      await exited
      clearTimeout(timer)
    }
  }
}
