/** One write of a batch. */
export type BatchOperation =
  | { type: 'put'; key: Uint8Array; value: Uint8Array }
  | { type: 'del'; key: Uint8Array }

/** An ordered key-value store. Keys sort as bytes. */
export interface Database {
  get(key: Uint8Array): Promise<Uint8Array | undefined>
  /** All or nothing. `sync`: survives a crash of the machine, not just of the process. */
  batch(operations: BatchOperation[], options?: { sync?: boolean }): Promise<void>
  /** Ascending by key, from `gte` to below `lt`; descending with `reverse`. */
  entries(range: {
    gte: Uint8Array
    lt: Uint8Array
    limit?: number
    reverse?: boolean
  }): AsyncIterable<[Uint8Array, Uint8Array]>
  close(): Promise<void>
}
