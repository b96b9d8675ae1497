import { Bucket } from '../../src/db/buckets.js'
import type { BatchOperation, Database } from '../../src/interface/index.js'
import type { Process } from './process.js'
import type { Random } from './random.js'

/** What a disk does wrong, changed by the faults while the simulation runs. */
export interface DiskTrouble {
  /** Added to each write. */
  slowMs: number
  isFull: boolean
}

/**
 * A disk that outlives the processes that use it. Writes go into a log, as LevelDB's: what was synced survives a crash of the
 * machine, with all before it; of the rest, a part from the front does.
 */
export interface Disk {
  trouble: DiskTrouble
  /** The database as one process sees it. */
  open(process: Process, faults: { onSlow(): void; onFull(): void }): Database
  /** Whether the result of a request would survive a crash of the machine. */
  holdsResult(requestHash: string): boolean
  /** The same of a lease, or of a later one of its claim. */
  holdsLease(job: string, startMs: number, sequence: number): boolean
  /** The process ended. `machine`: and with it the machine. Returns how many acknowledged writes are lost. */
  crash(machine: boolean): number
  /** Called for each write that is on the disk for good. */
  onDurable(listener: (operations: BatchOperation[]) => void): void
}

interface Write {
  operations: BatchOperation[]
  sync: boolean
  acknowledge(): void
}

/** An fsync of an SSD, and a write into the page cache. */
const SYNC_MS = { min: 0.5, max: 3 }
const PLAIN_MS = { min: 0.02, max: 0.1 }
const FULL_MESSAGE = 'IO error: No space left on device'

const hex = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')

export function simulatedDisk(rng: Random): Disk {
  const durable = new Map<string, Uint8Array>()
  /** Durable, and what the page cache holds above it. */
  let visible = new Map<string, Uint8Array>()
  /** Acknowledged and not synced. */
  let unsynced: BatchOperation[][] = []
  /** On their way, in order. */
  let queue: Write[] = []
  let isWriting = false
  const listeners: ((operations: BatchOperation[]) => void)[] = []
  const trouble: DiskTrouble = { slowMs: 0, isFull: false }

  function apply(to: Map<string, Uint8Array>, operations: BatchOperation[]): void {
    for (const operation of operations) {
      if (operation.type === 'put') to.set(hex(operation.key), operation.value.slice())
      else to.delete(hex(operation.key))
    }
  }

  function harden(operations: BatchOperation[]): void {
    apply(durable, operations)
    for (const listener of listeners) listener(operations)
  }

  return {
    trouble,
    holdsResult: requestHash =>
      durable.has(`${Bucket.results.toString(16).padStart(2, '0')}${requestHash.slice(2)}`),
    holdsLease(job, startMs, sequence) {
      const record = durable.get(`${Bucket.ownLeases.toString(16).padStart(2, '0')}${job}`)
      if (record === undefined) return false
      const text = Buffer.from(record).toString()
      const numberOf = (name: string): number => Number(text.match(new RegExp(`"${name}":(\\d+)`))?.[1])
      return numberOf('startMs') === startMs && numberOf('sequence') >= sequence
    },
    onDurable: listener => listeners.push(listener),

    open(process, { onSlow, onFull }) {
      /** What waits is written together (`src/db/database.ts`). */
      function writeNext(): void {
        if (queue.length === 0 || isWriting) return
        isWriting = true
        const group = queue.length
        const isSynced = queue.some(({ sync }) => sync)
        const { min, max } = isSynced ? SYNC_MS : PLAIN_MS
        if (trouble.slowMs > 0) onSlow()
        process.later(rng.between(min, max) + trouble.slowMs * rng.next(), () => {
          isWriting = false
          const written = queue.splice(0, group)
          for (const { operations } of written) {
            apply(visible, operations)
            unsynced.push(operations)
          }
          if (isSynced) {
            for (const operations of unsynced) harden(operations)
            unsynced = []
          }
          for (const { acknowledge } of written) acknowledge()
          writeNext()
        })
      }

      return {
        async get(key) {
          return visible.get(hex(key))
        },
        batch: (operations, options) =>
          new Promise((acknowledge, reject) => {
            if (trouble.isFull && operations.some(({ type }) => type === 'put')) {
              onFull()
              process.later(PLAIN_MS.max, () => reject(new Error(FULL_MESSAGE)))
              return
            }
            queue.push({ operations, sync: options?.sync ?? false, acknowledge })
            if (!isWriting) queueMicrotask(writeNext)
          }),
        async *entries({ gte, lt, limit = Number.POSITIVE_INFINITY, reverse = false }) {
          const [from, to] = [hex(gte), hex(lt)]
          const keys = [...visible.keys()].filter(key => key >= from && key < to).sort()
          if (reverse) keys.reverse()
          for (const key of keys.slice(0, limit)) {
            const value = visible.get(key)
            if (value !== undefined) yield [Buffer.from(key, 'hex'), value] as [Uint8Array, Uint8Array]
          }
        },
        async close() {}
      }
    },

    crash(machine) {
      isWriting = false
      const inFlight = queue.slice(0, rng.int(0, queue.length)).map(({ operations }) => operations)
      queue = []
      const log = [...unsynced, ...inFlight]
      const acknowledged = unsynced.length
      const keptCount = machine ? rng.int(0, log.length) : log.length
      for (const operations of log.slice(0, keptCount)) harden(operations)
      unsynced = []
      visible = new Map(durable)
      return Math.max(0, acknowledged - keptCount)
    }
  }
}
