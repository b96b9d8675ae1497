import { concat } from 'uint8arrays/concat'
import { toString as toText } from 'uint8arrays/to-string'
import type { Clock, Timer } from '../interface/clock.js'
import type { BatchOperation, Database, WritableState } from '../interface/database.js'
import { DatabaseWriteError } from '../interface/errors.js'
import type { Logger } from '../interface/logger.js'
import { Bucket } from './buckets.js'
import { errorChain } from './database.js'
import { bucketKey } from './keys.js'
import { encodeRecord, recordDamage } from './record.js'

/** Between two trial writes while the disk takes none. Each may write a few MiB. */
const PROBE_INTERVAL_MS = 2_000

export interface GuardComponents {
  database: Database
  clock: Clock
  logger: Logger
}

/** A database that notices damage and a full disk, and how it stands with writing. */
export interface GuardedDatabase extends Database {
  writable: WritableState
}

const probeKey = bucketKey(Bucket.meta, new TextEncoder().encode('probe'))
const bucketNames = new Map<number | undefined, string>(
  Object.entries(Bucket).map(([name, number]) => [number, name])
)

/**
 * Stands between the stages and the disk.
 *
 * - A record whose checksum does not fit is moved to the bucket `quarantine` and is not there for the reader, so that one
 *   bad record cannot stop a node, again and again. What it held is rebuilt from the chain and from peers.
 * - After a write failed, every write is refused at once (DatabaseWriteError), until a trial write succeeds. It is said once.
 */
export function guardDatabase({ database, clock, logger }: GuardComponents): GuardedDatabase {
  const listeners = new Set<(isWritable: boolean) => void>()
  let failure: DatabaseWriteError | undefined
  let probe: Timer | undefined
  let isClosed = false

  function change(to: DatabaseWriteError | undefined): void {
    failure = to
    for (const listener of listeners) listener(to === undefined)
  }

  function onFailure(err: DatabaseWriteError): void {
    if (failure !== undefined || isClosed) return
    logger.error(
      { err },
      'The disk does not take writes: free some space. Until then no job is claimed, and running ones are kept as long as their lease holds'
    )
    change(err)
    scheduleProbe()
  }

  function scheduleProbe(): void {
    if (isClosed) return
    probe = clock.schedule(PROBE_INTERVAL_MS, () => {
      const operation: BatchOperation = { type: 'put', key: probeKey, value: encodeRecord(clock.now()) }
      database.batch([operation], { sync: true }).then(
        () => {
          logger.info({}, 'The disk takes writes again: jobs are claimed again')
          change(undefined)
        },
        (err: unknown) => {
          logger.debug({ err }, 'The disk still does not take writes')
          scheduleProbe()
        }
      )
    })
  }

  async function batch(operations: BatchOperation[], options?: { sync?: boolean }): Promise<void> {
    if (failure !== undefined) throw failure
    try {
      await database.batch(operations, options)
    } catch (cause) {
      const err =
        cause instanceof DatabaseWriteError
          ? cause
          : new DatabaseWriteError(`The disk does not take writes (${String(cause)}): free some space`, {
              cause
            })
      onFailure(err)
      throw err
    }
  }

  /** Moves a damaged record out of the way. The bytes stay, for whoever wants to look. */
  async function quarantine(key: Uint8Array, bytes: Uint8Array, damage: string): Promise<void> {
    logger.error(
      { bucket: bucketNames.get(key[0]) ?? key[0], key: toText(key.subarray(1), 'hex'), damage },
      'A damaged record was set aside: check the disk. Its job is looked up on chain, or done again'
    )
    try {
      await batch([
        { type: 'put', key: concat([Uint8Array.of(Bucket.quarantine), key]), value: bytes },
        { type: 'del', key }
      ])
    } catch (err) {
      logger.debug({ err }, 'a damaged record could not be set aside; it is skipped all the same')
    }
  }

  /** A block that cannot be read is as good as records that are not there, and is mended at the next start. */
  async function read(key: Uint8Array): Promise<Uint8Array | undefined> {
    try {
      return await database.get(key)
    } catch (err) {
      if (!errorChain(err).some(({ code }) => code === 'LEVEL_CORRUPTION')) throw err
      logger.error(
        { err, bucket: bucketNames.get(key[0]) ?? key[0] },
        'A part of the database cannot be read: restart the node, which mends it, and check the disk'
      )
      return undefined
    }
  }

  return {
    async get(key) {
      const bytes = await read(key)
      const damage = bytes === undefined ? undefined : recordDamage(bytes)
      if (bytes === undefined || damage === undefined) return bytes
      await quarantine(key, bytes, damage)
      return undefined
    },
    batch,
    async *entries(range) {
      for await (const [key, bytes] of database.entries(range)) {
        const damage = key[0] === Bucket.quarantine ? undefined : recordDamage(bytes)
        if (damage === undefined) yield [key, bytes]
        else await quarantine(key, bytes, damage)
      }
    },
    async close() {
      isClosed = true
      probe?.cancel()
      await database.close()
    },
    writable: {
      isWritable: () => failure === undefined,
      onChange(listener) {
        listeners.add(listener)
        return () => listeners.delete(listener)
      }
    }
  }
}
