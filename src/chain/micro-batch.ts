/** Puts calls together: those of one tick, and those that arrive while a batch is under way, go as one. */
export interface MicroBatcher<In, Out> {
  /** One output for each input, in order. Rejects with the reason of `signal` if it is aborted; the batch goes on for the others. */
  add(inputs: In[], signal?: AbortSignal): Promise<Out[]>
}

interface Waiting<In, Out> {
  inputs: In[]
  resolve(outputs: Out[]): void
  reject(err: unknown): void
}

/**
 * One batch is under way at a time, so that batches grow with the load and cost no delay without it.
 *
 * @param init.maxItems a batch ends with the call that reaches it
 */
export function microBatcher<In, Out>(init: {
  maxItems: number
  run(inputs: In[]): Promise<Out[]>
}): MicroBatcher<In, Out> {
  let waiting: Waiting<In, Out>[] = []
  let running = false

  function take(): Waiting<In, Out>[] {
    let count = 0
    let calls = 0
    while (calls < waiting.length && count < init.maxItems) count += waiting[calls++]?.inputs.length ?? 0
    const batch = waiting.slice(0, calls)
    waiting = waiting.slice(calls)
    return batch
  }

  async function flush(): Promise<void> {
    while (waiting.length > 0) {
      const batch = take()
      try {
        const outputs = await init.run(batch.flatMap(({ inputs }) => inputs))
        let from = 0
        for (const { inputs, resolve } of batch) {
          resolve(outputs.slice(from, from + inputs.length))
          from += inputs.length
        }
      } catch (err) {
        for (const { reject } of batch) reject(err)
      }
    }
    running = false
  }

  return {
    add(inputs, signal) {
      if (inputs.length === 0) return Promise.resolve([])
      return new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason as Error)
          return
        }
        const aborted = () => {
          waiting = waiting.filter(other => other !== call)
          reject(signal?.reason as Error)
        }
        const settle =
          <T>(end: (value: T) => void) =>
          (value: T) => {
            signal?.removeEventListener('abort', aborted)
            end(value)
          }
        const call: Waiting<In, Out> = { inputs, resolve: settle(resolve), reject: settle(reject) }
        signal?.addEventListener('abort', aborted, { once: true })
        waiting.push(call)
        if (!running) {
          running = true
          setImmediate(() => void flush())
        }
      })
    }
  }
}
