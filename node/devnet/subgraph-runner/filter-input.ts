import { GraphQLError } from 'graphql/index.js'
import { parseBytes } from './api-scalars.js'
import type { EntityValue } from './entity.js'
import type { Comparison, Filter } from './entity-query.js'
import type { EntityField, EntityType } from './entity-schema.js'

const comparisons: Comparison[] = ['eq', 'not', 'gt', 'lt', 'gte', 'lte', 'in', 'not_in']

/** The comparisons that a field's type has. */
export function comparisonsOf({ type }: EntityField): Comparison[] {
  const hasOrder = type.kind === 'entity' || (type.kind === 'scalar' && type.name !== 'Boolean')
  return hasOrder ? comparisons : ['eq', 'not', 'in', 'not_in']
}

/** The name in `where`: `id`, `id_gt`, … */
export function filterName(field: string, comparison: Comparison): string {
  return comparison === 'eq' ? field : `${field}_${comparison}`
}

/** Reads the `where` argument of a collection. */
export function readFilter(type: EntityType, where: Record<string, unknown>): Filter {
  const filters: Filter[] = []
  for (const [name, value] of Object.entries(where)) {
    if (name === 'and' || name === 'or') {
      const parts = (value as (Record<string, unknown> | null)[] | null) ?? []
      filters.push({ kind: name, filters: parts.map(part => readFilter(type, part ?? {})) })
      continue
    }
    for (const field of type.fields.values()) {
      const comparison = comparisonsOf(field).find(candidate => filterName(field.name, candidate) === name)
      if (comparison === undefined) continue
      const values = (Array.isArray(value) ? value : [value]) as (EntityValue | null)[]
      const isBytes = field.type.kind === 'entity' && field.type.id === 'Bytes'
      filters.push({
        kind: 'field',
        field: field.name,
        comparison,
        values: isBytes ? values.map(id => (id === null ? null : parseBytes(id))) : values
      })
    }
  }
  if ('or' in where && filters.length > 1) {
    throw new GraphQLError("Cannot mix column filters with 'or' operator at the same level.")
  }
  return { kind: 'and', filters }
}
