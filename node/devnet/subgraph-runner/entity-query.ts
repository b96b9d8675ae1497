import type { Entity, EntityValue } from './entity.js'
import type { EntityType } from './entity-schema.js'
import type { EntityStore, IdRange } from './entity-store.js'

export type Comparison = 'eq' | 'not' | 'gt' | 'lt' | 'gte' | 'lte' | 'in' | 'not_in'

/** One condition, or several. `values` has one value, except for `in` and `not_in`. */
export type Filter =
  | { kind: 'field'; field: string; comparison: Comparison; values: (EntityValue | null)[] }
  | { kind: 'and'; filters: Filter[] }
  | { kind: 'or'; filters: Filter[] }

export interface EntityQuery {
  type: EntityType
  filter: Filter
  orderBy: string
  descending: boolean
  first: number
  skip: number
  block: number
}

/** The entities that graph-node would answer with, in its order. By id, it walks only as far as it must. */
export function queryEntities(store: EntityStore, query: EntityQuery): Entity[] {
  const { type, filter, orderBy, descending, first, skip, block } = query
  const found: Entity[] = []
  const candidates = candidatesOf(store, query)
  if (orderBy === 'id') {
    let skipped = 0
    for (const entity of candidates) {
      if (!matches(filter, entity)) continue
      if (skipped++ < skip) continue
      found.push(entity)
      if (found.length === first) break
    }
    return found
  }

  for (const entity of store.range(type.name, { ...idRange(filter), descending }, block)) {
    if (matches(filter, entity)) found.push(entity)
  }
  const direction = descending ? -1 : 1
  // Entities of one value keep the order of their ids, which has the same direction.
  found.sort((a, b) => direction * compareOrNull(a.get(orderBy), b.get(orderBy)))
  return found.slice(skip, skip + first)
}

/** By id, in order: looked up where the filter names the ids, else walked. */
function candidatesOf(
  store: EntityStore,
  { type, filter, descending, block }: EntityQuery
): Iterable<Entity> {
  const ids = namedIds(filter)
  if (ids === undefined) return store.range(type.name, { ...idRange(filter), descending }, block)
  const sorted = [...new Set(ids)].sort()
  if (descending) sorted.reverse()
  return sorted.flatMap(id => store.get(type.name, id, block) ?? [])
}

/** The ids that alone can match; undefined where that is not known. */
function namedIds(filter: Filter): string[] | undefined {
  if (filter.kind === 'and') {
    for (const part of filter.filters) {
      const ids = namedIds(part)
      if (ids !== undefined) return ids
    }
    return undefined
  }
  if (filter.kind === 'or' || filter.field !== 'id') return undefined
  const { comparison, values } = filter
  if (comparison !== 'eq' && comparison !== 'in') return undefined
  return values.filter(value => typeof value === 'string')
}

/** Bounds that every match keeps. */
function idRange(filter: Filter): Omit<IdRange, 'descending'> {
  if (filter.kind === 'and') return Object.assign({}, ...filter.filters.map(idRange))
  if (filter.kind === 'or' || filter.field !== 'id') return {}
  const [value] = filter.values
  if (typeof value !== 'string') return {}
  switch (filter.comparison) {
    case 'gt':
      return { after: value }
    case 'gte':
      return { from: value }
    case 'lt':
      return { before: value }
    case 'lte':
      return { to: value }
    default:
      return {}
  }
}

function matches(filter: Filter, entity: Entity): boolean {
  if (filter.kind === 'and') return filter.filters.every(part => matches(part, entity))
  if (filter.kind === 'or') return filter.filters.some(part => matches(part, entity))
  const actual = entity.get(filter.field)
  const [wanted = null] = filter.values
  switch (filter.comparison) {
    case 'eq':
      return equals(actual, wanted)
    case 'not':
      return !equals(actual, wanted)
    case 'in':
      return filter.values.some(value => equals(actual, value))
    case 'not_in':
      return !filter.values.some(value => equals(actual, value))
    default: {
      if (actual === undefined || wanted === null) return false
      const order = compare(actual, wanted)
      switch (filter.comparison) {
        case 'gt':
          return order > 0
        case 'gte':
          return order >= 0
        case 'lt':
          return order < 0
        case 'lte':
          return order <= 0
      }
    }
  }
}

function equals(actual: EntityValue | undefined, wanted: EntityValue | null): boolean {
  return (actual ?? null) === wanted
}

function compare(a: EntityValue, b: EntityValue): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** As PostgreSQL: null is above everything. */
function compareOrNull(a: EntityValue | undefined, b: EntityValue | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined)
  return compare(a, b)
}
