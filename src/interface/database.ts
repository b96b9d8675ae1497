/** One write of a batch. */
export type BatchOperation =
  | { type: 'put'; key: Uint8Array; value: Uint8Array }
  | { type: 'del'; key: Uint8Array }

/** An ordered key-value store. Keys sort as bytes. */
export interface Database {
  get(key: Uint8Array): Promise<Uint8Array | undefined>
  /** All or nothing. `sync`: survives a crash of the machine, not just of the process. Throws DatabaseWriteError. */
  batch(operations: BatchOperation[], options?: { sync?: boolean }): Promise<void>
  /** Ascending by key, from `gte` to below `lt`; descending with `reverse`. */
  entries(range: {
    gte: Uint8Array
    lt: Uint8Array
    limit?: number
    reverse?: boolean
  }): AsyncIterable<[Uint8Array, Uint8Array]>
  close(): Promise<void>
  /** Whether writes succeed. Where it is missing they are taken to. */
  writable?: WritableState
}

/** Whether the disk takes writes. While it does not, nothing new is to be begun that needs them. */
export interface WritableState {
  isWritable(): boolean
  /** Calls back each time that it changes. @returns a function that ends it */
  onChange(listener: (isWritable: boolean) => void): () => void
}
