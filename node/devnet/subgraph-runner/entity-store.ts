import type { Entity } from './entity.js'

/** One entity after a block; `undefined` where the block removed it. */
export interface EntityWrite {
  type: string
  id: string
  entity: Entity | undefined
}

/** Which ids to walk, in which direction. `after` and `before` are themselves left out. */
export interface IdRange {
  after?: string
  /** At or above. */
  from?: string
  before?: string
  /** At or below. */
  to?: string
  descending: boolean
}

/** All entities, at every block of the kept history. */
export interface EntityStore {
  /** At the newest block, or as of `block`. */
  get(type: string, id: string, block?: number): Entity | undefined
  /** The entities of a type that exist at `block`, by id. Walks no more than the caller takes. */
  range(type: string, range: IdRange, block: number): Iterable<Entity>
  /** All or nothing. `block` must be above every block written before. */
  commit(block: number, writes: EntityWrite[]): void
  /** Forgets everything above `block`. */
  rollback(block: number): void
  /** Forgets how things stood before `block`. */
  prune(block: number): void
  clear(): void
}

/** The state of one entity from `block` on. */
interface Version {
  block: number
  entity: Entity | undefined
}

interface Table {
  /** Ascending. Hex of lower case sorts as the bytes do. */
  ids: string[]
  /** Ascending by block, never empty. */
  versions: Map<string, Version[]>
}

export function createEntityStore(): EntityStore {
  const tables = new Map<string, Table>()
  /** Which entities each block of the kept history wrote. Ascending by block. */
  const changes = new Map<number, { type: string; id: string }[]>()

  function tableOf(type: string): Table {
    let table = tables.get(type)
    if (table === undefined) {
      table = { ids: [], versions: new Map() }
      tables.set(type, table)
    }
    return table
  }

  function drop(table: Table, id: string): void {
    table.versions.delete(id)
    const index = firstIndex(table.ids, other => other >= id)
    if (table.ids[index] === id) table.ids.splice(index, 1)
  }

  return {
    get(type, id, block = Number.POSITIVE_INFINITY) {
      const versions = tables.get(type)?.versions.get(id)
      return versions && asOf(versions, block)
    },

    *range(type, { after, from, before, to, descending }, block) {
      const { ids, versions } = tableOf(type)
      let low = 0
      if (after !== undefined) low = firstIndex(ids, id => id > after)
      if (from !== undefined)
        low = Math.max(
          low,
          firstIndex(ids, id => id >= from)
        )
      let high = ids.length
      if (before !== undefined) high = firstIndex(ids, id => id >= before)
      if (to !== undefined)
        high = Math.min(
          high,
          firstIndex(ids, id => id > to)
        )

      const step = descending ? -1 : 1
      for (let index = descending ? high - 1 : low; index >= low && index < high; index += step) {
        const known = versions.get(ids[index] ?? '')
        const entity = known && asOf(known, block)
        if (entity !== undefined) yield entity
      }
    },

    commit(block, writes) {
      if (writes.length === 0) return
      changes.set(
        block,
        writes.map(({ type, id }) => ({ type, id }))
      )
      for (const { type, id, entity } of writes) {
        const { ids, versions } = tableOf(type)
        const known = versions.get(id)
        if (known !== undefined) {
          known.push({ block, entity })
          continue
        }
        versions.set(id, [{ block, entity }])
        const last = ids.at(-1)
        // New jobs and results sort last; only the first accounts and models take the slow way.
        if (last === undefined || id > last) ids.push(id)
        else
          ids.splice(
            firstIndex(ids, other => other > id),
            0,
            id
          )
      }
    },

    rollback(block) {
      const reverted = [...changes.keys()].filter(changed => changed > block)
      for (const changed of reverted.reverse()) {
        for (const { type, id } of changes.get(changed) ?? []) {
          const table = tableOf(type)
          const versions = table.versions.get(id)
          if (versions === undefined) continue
          while ((versions.at(-1)?.block ?? -1) > block) versions.pop()
          if (versions.length === 0) drop(table, id)
        }
        changes.delete(changed)
      }
    },

    prune(block) {
      for (const [changed, entities] of changes) {
        if (changed > block) break
        for (const { type, id } of entities) {
          const table = tableOf(type)
          const versions = table.versions.get(id)
          if (versions === undefined) continue
          // The newest version at or below `block` still holds at `block`; those under it hold nowhere.
          const keep = versions.findLastIndex(version => version.block <= block)
          if (keep > 0) versions.splice(0, keep)
          if (versions.length === 1 && versions[0]?.entity === undefined) drop(table, id)
        }
        changes.delete(changed)
      }
    },

    clear() {
      tables.clear()
      changes.clear()
    }
  }
}

function asOf(versions: Version[], block: number): Entity | undefined {
  // The newest is nearly always the one asked for.
  for (let index = versions.length - 1; index >= 0; index--) {
    const version = versions[index]
    if (version !== undefined && version.block <= block) return version.entity
  }
  return undefined
}

/** The first index whose value passes; `values.length` where none does. All after it must pass, too. */
function firstIndex(values: string[], passes: (value: string) => boolean): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (passes(values[middle] ?? '')) high = middle
    else low = middle + 1
  }
  return low
}
