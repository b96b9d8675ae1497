import type { Hex } from '../interface/bytes.js'
import type { Clock, Timer } from '../interface/clock.js'
import type { BatchOperation, Database } from '../interface/database.js'
import type { Logger } from '../interface/logger.js'
import type { Startable } from '../interface/startable.js'
import { Bucket } from './buckets.js'
import { bucketRange } from './keys.js'
import { decodeRecord } from './record.js'
import { signedClaimKey } from './repositories/signed-claim.js'

/** Records read or deleted at a time: a few ms, and a batch of some 100 KB at most. */
const PAGE_RECORDS = 500
/** Between two rounds: often enough that a day's records never go at once. */
const ROUND_INTERVAL_MS = 3_600_000
/** A week: long enough for every reorg and for whoever asks what became of a job. */
export const defaultRetentionMs = 7 * 24 * 3_600_000

export interface PrunerInit {
  /** How long what is done with is kept. */
  retentionMs: number
}

export interface PrunerComponents {
  database: Database
  /** Where the store can give space back. */
  compact?(range: { gte: Uint8Array; lt: Uint8Array }): Promise<void>
  clock: Clock
  logger: Logger
}

export interface Pruner extends Startable {
  /** One round. @returns how many records were deleted */
  prune(): Promise<number>
}

interface PrunableResult {
  settled: boolean
  result: { requestHash: Hex; finishedAtMs: number }
}
interface PrunableLease {
  lease: { expiresMs: number }
}

/**
 * Deletes what is done with and older than the retention: settled results whose transaction is final, leases that ended,
 * and claims of the signing history. Never a result that the chain has not decided on, or that lies in a transaction of the
 * outbox. (A sequencer deletes final jobs itself, once no reorg can open them again.)
 */
export function pruner({ retentionMs }: PrunerInit): (components: PrunerComponents) => Pruner {
  return ({ database, compact, clock, logger }) => {
    let timer: Timer | undefined
    let stopped = true
    let stopping = false
    let round: Promise<unknown> = Promise.resolve()

    /** Deletes, page by page, what `isDone` says, and lets others work in between. */
    async function sweep(
      { gte, lt }: { gte: Uint8Array; lt: Uint8Array },
      isDone: (value: Uint8Array) => boolean
    ): Promise<number> {
      let deleted = 0
      let from = gte
      for (;;) {
        const operations: BatchOperation[] = []
        let read = 0
        for await (const [key, value] of database.entries({ gte: from, lt, limit: PAGE_RECORDS })) {
          read++
          // The least key above it.
          from = Uint8Array.of(...key, 0)
          if (isDone(value)) operations.push({ type: 'del', key })
        }
        if (operations.length > 0) await database.batch(operations)
        deleted += operations.length
        if (read < PAGE_RECORDS || stopping) break
        await new Promise<void>(resolve => clock.schedule(0, resolve))
      }
      if (deleted > 0) await compact?.({ gte, lt })
      return deleted
    }

    async function prune(): Promise<number> {
      const beforeMs = clock.now() - retentionMs
      const inTransactions = new Set<Hex>()
      for await (const [, bytes] of database.entries(bucketRange(Bucket.outbox))) {
        const { items } = decodeRecord<{ items: { requestHash: Hex }[] }>(bytes, 'transaction')
        for (const { requestHash } of items) inTransactions.add(requestHash)
      }
      const results = await sweep(bucketRange(Bucket.results), value => {
        const { settled, result } = decodeRecord<PrunableResult>(value, 'result')
        return settled && result.finishedAtMs < beforeMs && !inTransactions.has(result.requestHash)
      })
      const leases = await sweep(
        bucketRange(Bucket.ownLeases),
        value => decodeRecord<PrunableLease>(value, 'lease').lease.expiresMs < beforeMs
      )
      const { gte } = bucketRange(Bucket.signedClaims)
      const claims = beforeMs > 0 ? await sweep({ gte, lt: signedClaimKey(beforeMs) }, () => true) : 0
      if (results + leases + claims > 0) {
        logger.info({ results, leases, claims }, 'deleted what is older than the retention time')
      }
      return results + leases + claims
    }

    function next(delayMs: number): void {
      if (stopped) return
      timer = clock.schedule(delayMs, () => {
        round = prune()
          .catch((err: unknown) =>
            logger.warn({ err }, 'old records could not be deleted; tried again in an hour')
          )
          .finally(() => next(ROUND_INTERVAL_MS))
      })
    }

    return {
      start() {
        if (!stopped) return
        stopped = false
        // Not at once: a node that starts has better to do.
        next(ROUND_INTERVAL_MS / 60)
      },
      async stop() {
        stopped = true
        stopping = true
        timer?.cancel()
        await round
        stopping = false
      },
      prune
    }
  }
}
