import { abortable } from '../interface/abort.js'
import { type Clock, type Execution, type Executor, type Logger, ProcessError } from '../interface/index.js'
import { createSlot, type Slot } from './slot.js'

export interface ChildProcessExecutorInit {
  /** Absolute path of a JavaScript module that calls serveExecutions; it knows the models. */
  childModule: string
  childArguments?: string[]
  /** The child's whole environment. Default: empty, as the parent's may hold keys. */
  childEnv?: Record<string, string>
  /** Runs at one time, each in a child of its own. Default 1. */
  concurrency?: number
  /** For one run, loading included. Default 120,000: a hundred times what the models in the repository take. */
  timeoutMs?: number
  /** For a child to start. Default 30,000: it imports its runtimes, on a machine that may be busy. */
  startTimeoutMs?: number
  /** Resident memory of one child. Default 2 GiB. */
  memoryBytes?: number
  /** Of the ABI-encoded output. Default 64 KiB: more does not fit into a block's calldata together with others. */
  maxOutputBytes?: number
  /** Of an output that is a file. Default 16 MiB: a picture of 2,048 pixels squared takes half of it at most. */
  maxContentBytes?: number
  /** Scheduling priority of the children, 0 (as the parent) to 19 (last). Default 10. */
  niceness?: number
}

export interface ChildProcessExecutorComponents {
  logger: Logger
  clock: Clock
}

export interface ChildProcessExecutor extends Executor {
  /** Process ids of the children that are up. */
  childPids(): number[]
}

/** Waiting runs; a worker that claims no more than it can run has none. */
const maxWaiting = 1_000

/**
 * Runs models in child processes that can be killed without harm to the node. `execute` rejects with the signal's
 * reason if it is aborted, and with ProcessError if the executor is stopped or this machine cannot run the model
 * (its files are missing, the child does not start).
 */
export function childProcessExecutor(
  init: ChildProcessExecutorInit
): (components: ChildProcessExecutorComponents) => ChildProcessExecutor {
  return ({ logger, clock }) => {
    const slots = Array.from({ length: init.concurrency ?? 1 }, () =>
      createSlot(
        {
          child: {
            module: init.childModule,
            arguments: init.childArguments ?? [],
            env: init.childEnv ?? {},
            memoryBytes: init.memoryBytes ?? 2 * 2 ** 30,
            niceness: init.niceness ?? 10
          },
          timeoutMs: init.timeoutMs ?? 120_000,
          startTimeoutMs: init.startTimeoutMs ?? 30_000,
          limits: {
            abiBytes: init.maxOutputBytes ?? 64 * 1024,
            contentBytes: init.maxContentBytes ?? 16 * 2 ** 20
          }
        },
        { logger, clock }
      )
    )
    const idle = [...slots]
    const waiting: ((slot: Slot) => void)[] = []
    /** Aborted by stop(); undefined while stopped. */
    let life: AbortController | undefined

    const free = (slot: Slot): void => {
      const next = waiting.shift()
      if (next === undefined) {
        idle.push(slot)
      } else {
        next(slot)
      }
    }

    async function takeSlot(signal: AbortSignal): Promise<Slot> {
      signal.throwIfAborted()
      const slot = idle.shift()
      if (slot !== undefined) {
        return slot
      }
      if (waiting.length >= maxWaiting) {
        throw new ProcessError(`More than ${maxWaiting} runs are waiting: claim fewer jobs at a time`)
      }
      const turn = Promise.withResolvers<Slot>()
      waiting.push(turn.resolve)
      try {
        return await abortable(turn.promise, signal)
      } catch (err) {
        const place = waiting.indexOf(turn.resolve)
        if (place >= 0) {
          waiting.splice(place, 1)
        } else {
          // A slot was handed over in the same moment.
          void turn.promise.then(free)
        }
        throw err
      }
    }

    return {
      start() {
        if (life === undefined) {
          life = new AbortController()
          for (const slot of slots) {
            slot.warmUp()
          }
        }
      },

      async stop() {
        life?.abort(new ProcessError('The executor was stopped'))
        life = undefined
        await Promise.all(slots.map(slot => slot.stop()))
      },

      async execute(request, options): Promise<Execution> {
        if (life === undefined) {
          throw new ProcessError('The executor is not started')
        }
        const current = life
        const signal = AbortSignal.any([options.signal, current.signal])
        const slot = await takeSlot(signal)
        try {
          return await slot.run(request, signal)
        } finally {
          free(slot)
          if (!current.signal.aborted) {
            slot.warmUp()
          }
        }
      },

      childPids: () => slots.map(slot => slot.pid()).filter(pid => pid !== undefined)
    }
  }
}
