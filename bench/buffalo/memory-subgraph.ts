import type { Anchor } from '../../src/db/repositories/cursor.js'
import type { Hex } from '../../src/interface/index.js'
import type { EntitySource } from '../../src/subgraph/client.js'

/** Rows that are kept after they were read, so that the reader finds the one at its cursor. */
const KEPT_ROWS = 2_000

/** A source of the sequencer's reader that answers when there is something new: no time is lost between two looks. */
export interface MemorySource<Row> extends EntitySource<Row> {
  add(rows: Row[]): void
}

export function memorySource<Row extends Anchor>(): MemorySource<Row> {
  let rows: Row[] = []
  let blockNumber = 0
  let wake: (() => void) | undefined

  // Ids are of one width, so that they sort as text.
  const indexAfter = (id: Hex): number => rows.findLastIndex(row => row.id <= id) + 1

  return {
    add(added) {
      rows.push(...added)
      blockNumber = added.at(-1)?.blockNumber ?? blockNumber
      wake?.()
    },
    async page({ after, first }, signal) {
      let from = after === undefined ? 0 : indexAfter(after)
      if (from === rows.length) {
        await new Promise<void>((resolve, reject) => {
          const stop = (): void => reject(signal.reason)
          signal.addEventListener('abort', stop, { once: true })
          wake = () => {
            signal.removeEventListener('abort', stop)
            resolve()
          }
        })
        wake = undefined
      }
      if (from > KEPT_ROWS) {
        rows = rows.slice(from - 1)
        from = 1
      }
      const anchor = after === undefined ? undefined : rows[from - 1]
      return {
        head: { blockNumber, hasIndexingErrors: false },
        anchor,
        rows: rows.slice(from, from + first)
      }
    },
    async anchors(ids) {
      return {
        head: { blockNumber, hasIndexingErrors: false },
        anchors: rows.filter(({ id }) => ids.includes(id))
      }
    }
  }
}
