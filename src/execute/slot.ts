import { abortable, delay } from '../interface/abort.js'
import {
  type Clock,
  type Execution,
  type ExecutionRequest,
  FailureCode,
  type Logger,
  ProcessError
} from '../interface/index.js'
import { type ChildEnd, type ExecutorChild, type StartChildInit, startChild } from './child-process.js'
import { residentBytes } from './memory.js'
import type { ChildMessage, OutputLimits, ReceiptOrigin } from './messages.js'
import { receiptOf } from './receipt.js'

export interface SlotInit {
  child: Omit<StartChildInit, 'log' | 'clock' | 'onMessage'>
  timeoutMs: number
  startTimeoutMs: number
  limits: OutputLimits
}

export interface SlotComponents {
  logger: Logger
  clock: Clock
}

/** A place for one run at a time, with a child process that stays up between runs. */
export interface Slot {
  /** Starts the child, so that the first run need not wait for it. */
  warmUp(): void
  /** Rejects with the signal's reason, or ProcessError where this machine cannot run the model. */
  run(request: ExecutionRequest, signal: AbortSignal): Promise<Execution>
  pid(): number | undefined
  /** Resolves once the child is gone. */
  stop(): Promise<void>
}

/** How one run in one child ended. */
type RunEnd =
  | { kind: 'outcome'; outcome: Execution }
  | { kind: 'unable'; message: string }
  | { kind: 'crash'; description: string; receipt: ReceiptOrigin | undefined }
  | { kind: 'aborted' }

/** A memory that doubles in this time is still seen before it is a gigabyte over. */
const memoryPollMs = 200
/** A crash may be an accident of the machine (a kill by hand, a bit flip): one more try tells. */
const maxTries = 2
const maxStarts = 3
const firstBackoffMs = 100
const maxBackoffMs = 10_000

interface CurrentChild extends ExecutorChild {
  ready: Promise<boolean>
  onMessage: ((message: ChildMessage) => void) | undefined
}

export function createSlot(init: SlotInit, { logger, clock }: SlotComponents): Slot {
  let current: CurrentChild | undefined
  /** Ends in a row that nobody here asked for. */
  let crashes = 0
  let nextId = 0

  function spawn(): CurrentChild {
    const ready = Promise.withResolvers<boolean>()
    const child: CurrentChild = {
      ...startChild({
        ...init.child,
        log: logger,
        clock,
        onMessage(message) {
          if (message.type === 'ready') {
            ready.resolve(true)
          } else {
            child.onMessage?.(message)
          }
        }
      }),
      ready: ready.promise,
      onMessage: undefined
    }
    current = child
    const timer = clock.schedule(init.startTimeoutMs, child.kill)
    void ready.promise.then(() => timer.cancel())
    void child.ended.then(end => {
      ready.resolve(false)
      if (current === child) {
        current = undefined
        crashes++
        logger.warn({ pid: child.pid, end: end.description }, 'The executor child ended by itself')
      }
    })
    child.send({ type: 'start', parentPid: process.pid, memoryBytes: init.child.memoryBytes })
    return child
  }

  async function readyChild(signal: AbortSignal): Promise<CurrentChild> {
    for (let starts = 0; starts < maxStarts; starts++) {
      signal.throwIfAborted()
      if (current === undefined && crashes > 1) {
        await delay(clock, Math.min(maxBackoffMs, firstBackoffMs * 2 ** (crashes - 2)), signal)
      }
      const child = current ?? spawn()
      if (await abortable(child.ready, signal)) {
        return child
      }
    }
    throw new ProcessError(
      `The executor child ${init.child.module} does not start: see the log at level debug`
    )
  }

  /** Kills on purpose: no crash, and the next child starts at once. */
  async function discard(child: CurrentChild): Promise<void> {
    if (current === child) {
      current = undefined
    }
    child.kill()
    await child.ended
  }

  function runIn(child: CurrentChild, request: ExecutionRequest, signal: AbortSignal): Promise<RunEnd> {
    return new Promise(resolve => {
      const id = nextId++
      let receipt: ReceiptOrigin | undefined
      let settled = false
      const settle = (end: RunEnd): void => {
        settled = true
        timer.cancel()
        poll.cancel()
        signal.removeEventListener('abort', onAbort)
        child.onMessage = undefined
        resolve(end)
      }
      const fail = (code: FailureCode, reason: string): void =>
        settle({
          kind: 'outcome',
          outcome: { success: false, code, reason, receipt: receipt && receiptOf(receipt) }
        })
      const outOfMemory = (): void =>
        fail(FailureCode.OutOfMemory, `The run took more than ${init.child.memoryBytes} bytes of memory`)
      const killAnd = (conclude: () => void): void => {
        if (!settled) {
          settled = true
          void discard(child).then(conclude)
        }
      }
      const onAbort = (): void => killAnd(() => settle({ kind: 'aborted' }))
      const timer = clock.schedule(init.timeoutMs, () =>
        killAnd(() => fail(FailureCode.Timeout, `The run took longer than ${init.timeoutMs} ms`))
      )
      const watchMemory = async (): Promise<void> => {
        const bytes = child.pid === undefined ? undefined : await residentBytes(child.pid)
        if (settled) {
          return
        }
        if (bytes !== undefined && bytes > init.child.memoryBytes) {
          killAnd(outOfMemory)
          return
        }
        poll = clock.schedule(memoryPollMs, watchMemory)
      }
      let poll = clock.schedule(memoryPollMs, watchMemory)
      child.onMessage = message => {
        if (settled || message.type === 'ready' || message.id !== id) {
          return
        }
        switch (message.type) {
          case 'running':
            receipt = message.receipt
            break
          case 'done':
            settle({ kind: 'outcome', outcome: message.outcome })
            break
          case 'unable':
            settle({ kind: 'unable', message: message.message })
            break
        }
      }
      void child.ended.then((end: ChildEnd) => {
        if (settled) {
          return
        }
        if (end.memory) {
          outOfMemory()
        } else {
          settle({ kind: 'crash', description: end.description, receipt })
        }
      })
      signal.addEventListener('abort', onAbort)
      if (signal.aborted) {
        onAbort()
        return
      }
      child.send({ type: 'run', id, request, limits: init.limits })
    })
  }

  return {
    warmUp() {
      current ?? spawn()
    },

    async run(request, signal) {
      for (let tries = 1; ; tries++) {
        const child = await readyChild(signal)
        const end = await runIn(child, request, signal)
        switch (end.kind) {
          case 'outcome':
            crashes = 0
            return end.outcome
          case 'unable':
            throw new ProcessError(`This machine cannot run the model ${request.manifest}: ${end.message}`)
          case 'aborted':
            throw signal.reason
          case 'crash':
            if (tries === maxTries) {
              const reason = `The model crashed its process ${maxTries} times (${end.description})`
              const receipt = end.receipt && receiptOf(end.receipt)
              return { success: false, code: FailureCode.ModelFailed, reason, receipt }
            }
        }
      }
    },

    pid: () => current?.pid,

    async stop() {
      if (current !== undefined) {
        await discard(current)
      }
    }
  }
}
