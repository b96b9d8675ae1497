import { type ChildProcess, fork } from 'node:child_process'
import { setPriority } from 'node:os'
import type { Readable } from 'node:stream'
import type { Clock, Logger } from '../interface/index.js'
import { type ChildMessage, type ParentMessage, parseChildMessage } from './messages.js'

export interface StartChildInit {
  /** Absolute path of a JavaScript module that calls serveExecutions. */
  module: string
  arguments: string[]
  /** All of the child's environment: nothing of the parent's is passed on, as it may hold keys. */
  env: Record<string, string>
  memoryBytes: number
  /** 0 (as the parent) to 19 (last). */
  niceness: number
  log: Logger
  clock: Clock
  onMessage(message: ChildMessage): void
}

/** How a child ended. `memory`: its JavaScript heap or, by its own account, its memory was exhausted. */
export interface ChildEnd {
  memory: boolean
  description: string
}

export interface ExecutorChild {
  /** Undefined if it could not be started at all. */
  pid: number | undefined
  /** Never rejects. */
  ended: Promise<ChildEnd>
  send(message: ParentMessage): void
  /** At once, by SIGKILL: a native run hears no other signal. Safe to repeat. */
  kill(): void
}

/** What one child may write to the log before the rest is dropped: a stack trace or two. */
const maxLoggedBytes = 64 * 1024
/** From the end of a child to the end of what it wrote. */
const maxLastWordsMs = 1_000
/** Of the last words on stderr, for the cause of a crash. */
const maxTailLength = 4_000

export function startChild(init: StartChildInit): ExecutorChild {
  const { module, memoryBytes, niceness, log, onMessage } = init
  const child = fork(module, init.arguments, {
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: init.env,
    // Half of the memory for JavaScript: weights, tensors and pictures lie outside its heap.
    execArgv: [`--max-old-space-size=${Math.floor(memoryBytes / 2 / 2 ** 20)}`]
  })
  lowerPriority(child, niceness, log)
  logOutput(child.stdout, 'stdout', log)
  const tail = logOutput(child.stderr, 'stderr', log)

  const ended = new Promise<ChildEnd>(resolve => {
    child.once('error', err => resolve({ memory: false, description: err.message }))
    child.once('exit', (code, signal) => {
      const conclude = (): void => {
        timer.cancel()
        const heapExhausted = tail().includes('heap out of memory')
        resolve({
          // SIGUSR2 is how child-watch.ts tells that the memory cap was exceeded.
          memory: heapExhausted || signal === 'SIGUSR2',
          description: signal === null ? `exit code ${code}` : `signal ${signal}`
        })
      }
      // Its last words may still be in the pipe, and whoever inherited the pipe may hold it open.
      const timer = init.clock.schedule(maxLastWordsMs, conclude)
      child.once('close', conclude)
    })
  })
  const kill = (): void => {
    child.kill('SIGKILL')
  }
  child.on('message', raw => {
    const message = parseChildMessage(raw)
    if (message === undefined) {
      log.warn({ pid: child.pid }, 'The executor child sent a message that breaks its protocol: it is ended')
      kill()
    } else {
      onMessage(message)
    }
  })
  return {
    pid: child.pid,
    ended,
    send(message) {
      // A message that cannot be sent means that the child is ending, and `ended` tells why.
      child.send(message, err => err && log.debug({ err }, 'The executor child is gone'))
    },
    kill
  }
}

/** So that inference leaves the processor to the node, whose leases must be renewed in time. */
function lowerPriority(child: ChildProcess, niceness: number, log: Logger): void {
  if (child.pid === undefined) {
    return
  }
  try {
    setPriority(child.pid, niceness)
  } catch (err) {
    log.debug({ err }, 'The executor child keeps its priority')
  }
}

/** Logs what the child writes, up to a bound, and returns its last words. */
function logOutput(stream: Readable | null, name: string, log: Logger): () => string {
  let loggedBytes = 0
  let tail = ''
  stream?.on('data', (chunk: Buffer) => {
    const text = chunk.toString()
    tail = (tail + text).slice(-maxTailLength)
    if (loggedBytes < maxLoggedBytes) {
      log.debug({ [name]: text.slice(0, maxLoggedBytes - loggedBytes) }, 'The executor child wrote')
      loggedBytes += chunk.length
    }
  })
  return () => tail
}
