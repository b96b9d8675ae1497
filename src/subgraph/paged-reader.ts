import type { Anchor, Cursor } from '../db/repositories/cursor.js'
import { delay } from '../interface/abort.js'
import type { Hex } from '../interface/bytes.js'
import type { Clock } from '../interface/clock.js'
import { SubgraphUnavailableError } from '../interface/errors.js'
import type { Logger } from '../interface/logger.js'
import type { Startable } from '../interface/startable.js'
import { compareAnchors, thinAnchors } from './anchors.js'
import type { EntitySource, SubgraphHead } from './client.js'
import { type Outage, outage, REPEAT_MS } from './outage.js'

export interface PagedReaderInit<Row> {
  /** For logs: `jobs`. */
  what: string
  /** Default 1,000: graph-node gives no more at once. */
  pageSize?: number
  /** After a page that was not full. Default 500. */
  pollIntervalMs?: number
  /**
   * How long a subgraph may be behind what was read before without being taken for reorganised: a gateway may ask
   * another indexer each time. Default 3,000.
   */
  lagToleranceMs?: number
  /** How many rows are wanted now. While there are none, it is only looked whether the chain was reorganised. Default: all. */
  room?(): number
  /** Whether `row` comes right after the entity `before`, where ids leave no gaps. */
  follows?(before: Hex, row: Row): boolean
  /** New rows. Resolves once they and the cursor are stored, in one batch. A rejection is tried again. */
  onRows(rows: Row[], cursor: Cursor): Promise<void>
  /**
   * What was read after the entity `last` (undefined: everything) may be off the chain, and is read again.
   * Resolves once that and the cursor are stored. A rejection is tried again.
   */
  onRewind(last: Hex | undefined, cursor: Cursor): Promise<void>
}

export interface PagedReaderComponents<Row> {
  source: EntitySource<Row>
  loadCursor(): Promise<Cursor | undefined>
  logger: Logger
  clock: Clock
  /** From 0 to below 1. */
  random(): number
  /** Shared with other readers of the same subgraph, so that an outage is told once. */
  outage?: Outage
}

/** Reads all entities of a kind, in order, across restarts, outages and reorgs, and never leaves one out. */
export interface PagedReader extends Startable {
  /** How far the subgraph was when it was last read; undefined before. */
  head(): SubgraphHead | undefined
  /** When it was last read, in ms since the epoch; undefined before. */
  readMs(): number | undefined
}

const firstRetryMs = 250
const maxRetryMs = 10_000

/** Where an entity lies, which every row says. */
type Located = Anchor

/**
 * How it skips nothing: ids grow in order of creation, and each request asks for the entity at the cursor, too. While
 * that one lies in the block that it was read in, nothing before it can have changed. If not, older anchors are asked
 * for, and reading goes on after the newest that stands.
 */
export function pagedReader<Row extends Located>(
  init: PagedReaderInit<Row>
): (components: PagedReaderComponents<Row>) => PagedReader {
  const {
    what,
    pageSize = 1_000,
    pollIntervalMs = 500,
    lagToleranceMs = 3_000,
    room = () => pageSize,
    follows,
    onRows,
    onRewind
  } = init

  return ({ source, loadCursor, logger, clock, random, outage: trouble = outage({ logger, clock }) }) => {
    let head: SubgraphHead | undefined
    let readMs: number | undefined
    let anchors: Anchor[] = []
    let running: { controller: AbortController; done: Promise<void> } | undefined
    let starting: Promise<void> | undefined
    let behindSinceMs: number | undefined
    let failures = 0
    let saidIndexingErrors = false
    let saidAtMs = Number.NEGATIVE_INFINITY

    /** Reads one page. Returns whether there is more to read at once. */
    async function step(signal: AbortSignal): Promise<boolean> {
      const newest = anchors.at(-1)
      const most = Math.min(pageSize, room())
      // graph-node gives at least one.
      const first = Math.max(1, most)
      const page = await source.page({ after: newest?.id, first }, signal)
      observe(page.head)
      if (newest !== undefined && page.anchor?.blockHash !== newest.blockHash) return await realign(signal)
      behindSinceMs = undefined
      if (most <= 0) return false

      const { rows, gap } = checkOrder(newest?.id, page.rows, page.head)
      if (rows.length > 0) {
        const next = thinAnchors([...anchors, ...rows.map(anchorOf)])
        await onRows(rows, { anchors: next })
        anchors = next
      }
      if (gap !== undefined) throw new SubgraphUnavailableError(gap)
      return page.rows.length === first
    }

    /** The rows up to the first that cannot be right. */
    function checkOrder(
      after: Hex | undefined,
      rows: Row[],
      { hasIndexingErrors }: SubgraphHead
    ): { rows: Row[]; gap?: string } {
      let before = after
      for (const [index, row] of rows.entries()) {
        if (before !== undefined && row.id <= before) {
          throw new SubgraphUnavailableError(
            `The subgraph answers with ${what} out of order at ${row.id}: use another`
          )
        }
        // After an indexing error a gap may stay for ever; without one it must be a fault of the endpoint.
        if (before !== undefined && !hasIndexingErrors && follows?.(before, row) === false) {
          const gap = `The subgraph lacks ${what} between ${before} and ${row.id}: nothing is read beyond, check it or use another`
          return { rows: rows.slice(0, index), gap }
        }
        before = row.id
      }
      return { rows }
    }

    /** Finds the newest entity that still lies where it was read. */
    async function realign(signal: AbortSignal): Promise<boolean> {
      const ids = anchors.map(anchor => anchor.id)
      const found = await source.anchors(ids, signal)
      observe(found.head)
      const verdict = compareAnchors(anchors, found.anchors, found.head.blockNumber)
      // The endpoint was behind a moment ago.
      if (verdict.kind === 'intact') return false
      if (verdict.kind === 'behind') {
        behindSinceMs ??= clock.steadyMs()
        if (clock.steadyMs() - behindSinceMs < lagToleranceMs) return false
      }
      behindSinceMs = undefined
      const last = verdict.kept.at(-1)
      logger.info(
        { from: anchors.at(-1)?.blockNumber, to: last?.blockNumber ?? 'the start' },
        `the chain was reorganised: reading ${what} again`
      )
      await onRewind(last?.id, { anchors: verdict.kept })
      anchors = verdict.kept
      return true
    }

    function observe(next: SubgraphHead): void {
      head = next
      // A gateway may ask an indexer with errors and one without in turn.
      if (next.hasIndexingErrors === saidIndexingErrors || clock.now() - saidAtMs < REPEAT_MS) return
      saidIndexingErrors = next.hasIndexingErrors
      saidAtMs = clock.now()
      if (next.hasIndexingErrors) {
        logger.warn(
          { block: next.blockNumber },
          `the subgraph reports indexing errors: ${what} may be missing until it is deployed again`
        )
      } else {
        logger.info({ block: next.blockNumber }, 'the subgraph reports no indexing errors any more')
      }
    }

    async function run(signal: AbortSignal): Promise<void> {
      while (!signal.aborted) {
        let waitMs = pollIntervalMs
        try {
          if (await step(signal)) waitMs = 0
          readMs = clock.now()
          failures = 0
          trouble.recovered(what)
        } catch (err) {
          if (signal.aborted) return
          trouble.failed(what, err)
          // Half of it at random, so that nodes do not come back all at once.
          waitMs = Math.min(firstRetryMs * 2 ** failures++, maxRetryMs) * (0.5 + random() / 2)
        }
        if (waitMs > 0) await delay(clock, waitMs, signal).catch(ignoreAbort)
      }
    }

    async function begin(): Promise<void> {
      const cursor = await loadCursor()
      anchors = cursor?.anchors ?? []
      const controller = new AbortController()
      running = { controller, done: run(controller.signal) }
    }

    return {
      head: () => head,
      readMs: () => readMs,
      start() {
        starting ??= begin()
        return starting
      },
      async stop() {
        const begun = starting
        starting = undefined
        // Where it failed, `start` has said so.
        await Promise.allSettled([begun])
        const stopping = running
        running = undefined
        stopping?.controller.abort()
        await stopping?.done
      }
    }
  }
}

function anchorOf({ id, blockNumber, blockHash }: Located): Anchor {
  return { id, blockNumber, blockHash }
}

/** `stop` ends a wait early; the loop sees the signal itself. */
function ignoreAbort(): void {}
