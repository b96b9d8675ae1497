import { InterruptedError } from '../src/interface/index.js'

/** How long a graceful stop may take before the process ends all the same. */
export const stopTimeoutMs = 10_000

export interface StopSignal {
  /** Aborted by the first Ctrl+C, SIGTERM, or the end of the process that started this one. */
  signal: AbortSignal
  /** Lets go of the process's signals. */
  dispose(): void
}

/**
 * The first Ctrl+C or SIGTERM asks for a graceful stop, a second Ctrl+C forces the exit.
 * A process that was started with an IPC channel stops when the channel closes: its owner is gone.
 */
export function listenForStop(say: (line: string) => void, what: string): StopSignal {
  const controller = new AbortController()
  let forced: NodeJS.Timeout | undefined
  let interrupts = 0

  const stop = (why: string): void => {
    if (controller.signal.aborted) {
      return
    }
    say(`${why}: stopping ${what}, for up to ${stopTimeoutMs / 1_000} s (Ctrl+C again ends it at once)`)
    forced = setTimeout(() => {
      say(`${what} did not stop in ${stopTimeoutMs / 1_000} s: ended`)
      process.exit(1)
    }, stopTimeoutMs)
    forced.unref()
    controller.abort(new InterruptedError(`${why} before it was done`))
  }
  const onInterrupt = (): void => {
    interrupts++
    if (interrupts > 1) {
      process.exit(130)
    }
    stop('Interrupted')
  }
  const onTerminate = (): void => stop('Told to end')
  const onDisconnect = (): void => stop('The process that started this one is gone')
  const onMessage = (message: unknown): void => {
    if (message === stopMessage) {
      stop('Told to end')
    }
  }
  process.on('SIGINT', onInterrupt)
  process.on('SIGTERM', onTerminate)
  process.on('disconnect', onDisconnect)
  process.on('message', onMessage)
  return {
    signal: controller.signal,
    dispose() {
      process.off('SIGINT', onInterrupt)
      process.off('SIGTERM', onTerminate)
      process.off('disconnect', onDisconnect)
      process.off('message', onMessage)
      // The timer is left running, unreferenced: it ends a process that something else keeps alive.
      if (!controller.signal.aborted) {
        clearTimeout(forced)
      }
    }
  }
}

/** Sent over IPC by whoever started the process, in place of a signal (which Windows lacks). */
export const stopMessage = 'buffalo:stop'
