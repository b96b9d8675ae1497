import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { type NodeEvent, ProcessError, TimeoutError } from '../../src/interface/index.js'
import { childEnvironment } from '../config/environment.js'
import type { ControlMessage, NodeHealth } from '../control.js'
import { parseNodeMessage, type ReadyInfo } from '../event-relay.js'
import { programPath } from '../paths.js'
import { stopMessage } from '../stop-signal.js'

export interface NodeProcessInit {
  /** As one would type them after `buffalo-node`. */
  args: string[]
  /** Working directory; this process's by default. */
  cwd?: string
  /** A command that becomes the one that is put behind it, such as `ip netns exec <name>`. */
  command?: string[]
  onEvent?(event: NodeEvent): void
  /** Each line of the node's log. */
  onLog?(line: string): void
}

/** A node in a process of its own, as this process sees it. */
export interface NodeProcess {
  pid: number
  /** Rejects with ProcessError if the node ends before it is ready. */
  ready(timeoutMs: number): Promise<ReadyInfo>
  /** Resolves with exit code and signal. */
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  isRunning(): boolean
  /** Asks for a graceful stop, and kills the node after `timeoutMs`. Safe to repeat. */
  stop(timeoutMs: number): Promise<void>
  kill(signal: NodeJS.Signals): void
  /** Cuts the node's connections to a peer and refuses new ones, or takes that back. */
  setDenied(peerId: string, isDenied: boolean): void
  /** Undefined if it does not answer within `timeoutMs`. `reset`: its event loop is measured anew from here on. */
  health(options: { timeoutMs: number; reset?: boolean }): Promise<NodeHealth | undefined>
  /** The end of its log. */
  log(): string[]
}

/**
 * As in the first line of `node/bin.ts`, which is not read here. V8 lets its young generation grow to three times 32 MB after a
 * burst of garbage, and keeps it. Measured under attack: nodes grew by 110 to 130 MB with that, and by 12 to 31 MB with half of
 * it, no slower.
 */
export const nodeFlags = ['--max-semi-space-size=16']

/** Enough to see why a node ended. */
const keptLogLines = 200

/**
 * Starts `buffalo-node` with an IPC channel, over which its events arrive. The node is in a session of its own, so that
 * Ctrl+C reaches this process alone; when this process ends, in any way, the channel closes and the node stops.
 */
export function startNodeProcess(init: NodeProcessInit): NodeProcess {
  const [program = process.execPath, ...programArgs] = [...(init.command ?? []), process.execPath]
  const child = fork(programPath, init.args, {
    ...(init.cwd === undefined ? {} : { cwd: init.cwd }),
    detached: true,
    env: childEnvironment(),
    execPath: program,
    execArgv: [...programArgs, ...nodeFlags],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc']
  })
  const { pid } = child
  if (pid === undefined) {
    throw new ProcessError(
      `The node ${init.args.join(' ')} could not be started: is the machine out of processes?`
    )
  }
  const lines: string[] = []
  readLog(child, line => {
    lines.push(line)
    if (lines.length > keptLogLines) {
      lines.shift()
    }
    init.onLog?.(line)
  })
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }))
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null

  const waitingForHealth = new Map<number, (health: NodeHealth | undefined) => void>()
  let healthRequests = 0
  const control = (message: ControlMessage): void => {
    if (child.connected) {
      // If it is gone at this moment, its exit tells.
      child.send(message, () => undefined)
    }
  }

  const started = Promise.withResolvers<ReadyInfo>()
  // It is awaited only by who asks for it.
  started.promise.catch(() => undefined)
  child.on('message', raw => {
    const message = parseNodeMessage(raw)
    if (message?.type === 'ready') {
      started.resolve(message.ready)
    } else if (message?.type === 'event') {
      init.onEvent?.(message.event)
    } else if (message?.type === 'health') {
      waitingForHealth.get(message.id)?.(message.health)
    }
  })
  child.once('error', err =>
    started.reject(new ProcessError(`A node did not start: ${err.message}`, { cause: err }))
  )
  exited.then(({ code, signal }) => {
    const said = lines.slice(-5).join(' | ')
    started.reject(
      new ProcessError(`The node \`${init.args.join(' ')}\` ended (${signal ?? `code ${code}`}): ${said}`)
    )
  })

  return {
    pid,
    exited,
    isRunning,
    log: () => [...lines],
    async ready(timeoutMs) {
      const late = Promise.withResolvers<never>()
      const timer = setTimeout(
        () =>
          late.reject(
            new TimeoutError(`A node was not ready in ${timeoutMs / 1_000} s: ${lines.slice(-3).join(' | ')}`)
          ),
        timeoutMs
      )
      try {
        return await Promise.race([started.promise, late.promise])
      } finally {
        clearTimeout(timer)
      }
    },
    async stop(timeoutMs) {
      if (isRunning()) {
        const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
        if (child.connected) {
          // If it is gone at this moment, its exit is what is waited for.
          child.send(stopMessage, () => undefined)
        } else {
          child.kill('SIGTERM')
        }
        await exited
        clearTimeout(timer)
      }
    },
    kill: signal => {
      child.kill(signal)
    },
    setDenied: (peerId, isDenied) => control({ type: isDenied ? 'buffalo:deny' : 'buffalo:undeny', peerId }),
    async health({ timeoutMs, reset = false }) {
      const id = ++healthRequests
      const { promise, resolve } = Promise.withResolvers<NodeHealth | undefined>()
      waitingForHealth.set(id, resolve)
      const timer = setTimeout(() => resolve(undefined), timeoutMs)
      control({ type: 'buffalo:health', id, reset })
      try {
        return await promise
      } finally {
        clearTimeout(timer)
        waitingForHealth.delete(id)
      }
    }
  }
}

function readLog(child: ChildProcess, onLine: (line: string) => void): void {
  if (child.stderr !== null) {
    createInterface({ input: child.stderr }).on('line', onLine)
  }
}
