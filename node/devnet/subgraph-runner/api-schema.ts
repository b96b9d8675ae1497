import {
  GraphQLBoolean,
  GraphQLEnumType,
  GraphQLError,
  type GraphQLFieldConfig,
  type GraphQLFieldConfigArgumentMap,
  GraphQLID,
  type GraphQLInputFieldConfigMap,
  GraphQLInputObjectType,
  type GraphQLInputType,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  type GraphQLOutputType,
  GraphQLSchema,
  GraphQLString
} from 'graphql/index.js'
import { bytesScalar, parseBytes, scalarTypes } from './api-scalars.js'
import { type BlockHeight, locateBlock } from './block-constraint.js'
import type { Entity } from './entity.js'
import { type EntityQuery, queryEntities } from './entity-query.js'
import { type EntityField, type EntitySchema, type EntityType, storedScalar } from './entity-schema.js'
import type { EntityStore } from './entity-store.js'
import { comparisonsOf, filterName, readFilter } from './filter-input.js'
import type { IndexerState } from './indexer.js'

/** An entity as resolvers pass it on: references are followed at the block that the query began with. */
interface EntityAt {
  entity: Entity
  block: number
}

/** graph-node's limits: GRAPH_GRAPHQL_MAX_FIRST and GRAPH_GRAPHQL_MAX_SKIP. */
const maxFirst = 1_000
const maxSkip = 2 ** 32 - 1

const orderDirection = new GraphQLEnumType({ name: 'OrderDirection', values: { asc: {}, desc: {} } })
const errorPolicy = new GraphQLEnumType({ name: '_SubgraphErrorPolicy_', values: { allow: {}, deny: {} } })
const blockHeight = new GraphQLInputObjectType({
  name: 'Block_height',
  fields: { hash: { type: bytesScalar }, number: { type: GraphQLInt }, number_gte: { type: GraphQLInt } }
})
const commonArguments: GraphQLFieldConfigArgumentMap = {
  block: { type: blockHeight },
  subgraphError: { type: new GraphQLNonNull(errorPolicy), defaultValue: 'deny' }
}

interface CollectionArguments {
  where?: Record<string, unknown> | null
  first?: number | null
  skip?: number | null
  orderBy?: string | null
  orderDirection?: 'asc' | 'desc' | null
  block?: BlockHeight | null
}

export interface ApiSchemaInit {
  schema: EntitySchema
  store: EntityStore
  state: IndexerState
  deployment: string
}

/** The query schema that graph-node makes of a subgraph's schema, as far as the local network's parts ask. */
export function createApiSchema({ schema, store, state, deployment }: ApiSchemaInit): GraphQLSchema {
  const enums = new Map<string, GraphQLEnumType>()
  for (const [name, values] of schema.enums) {
    enums.set(
      name,
      new GraphQLEnumType({ name, values: Object.fromEntries(values.map(value => [value, {}])) })
    )
  }
  const objectTypes = new Map<string, GraphQLObjectType<EntityAt>>()
  for (const type of schema.types.values()) {
    const fields = () =>
      Object.fromEntries([...type.fields.values()].map(field => [field.name, outputField(field)]))
    objectTypes.set(type.name, new GraphQLObjectType<EntityAt>({ name: type.name, fields }))
  }

  function enumType(name: string): GraphQLEnumType {
    const type = enums.get(name)
    if (type === undefined) throw new TypeError(`no enum ${name}`)
    return type
  }

  function objectType(name: string): GraphQLObjectType<EntityAt> {
    const type = objectTypes.get(name)
    if (type === undefined) throw new TypeError(`no entity ${name}`)
    return type
  }

  function outputField({
    name,
    type: fieldType,
    required
  }: EntityField): GraphQLFieldConfig<EntityAt, unknown> {
    const orNonNull = (type: GraphQLOutputType & GraphQLInputType) =>
      required ? new GraphQLNonNull(type) : type
    const resolve = ({ entity }: EntityAt) => entity.get(name)
    if (fieldType.kind === 'scalar') return { type: orNonNull(scalarTypes[fieldType.name]), resolve }
    if (fieldType.kind === 'enum') return { type: orNonNull(enumType(fieldType.name)), resolve }
    const target = objectType(fieldType.name)
    return {
      type: required ? new GraphQLNonNull(target) : target,
      resolve({ entity, block }) {
        const id = entity.get(name)
        return typeof id === 'string' ? entityAt(fieldType.name, id, block) : null
      }
    }
  }

  function entityAt(type: string, id: string, block: number): EntityAt | null {
    const entity = store.get(type, id, block)
    return entity === undefined ? null : { entity, block }
  }

  function filterType(type: EntityType): GraphQLInputObjectType {
    const filter: GraphQLInputObjectType = new GraphQLInputObjectType({
      name: `${type.name}_filter`,
      fields: () => {
        const fields: GraphQLInputFieldConfigMap = {}
        for (const field of type.fields.values()) {
          const input = inputType(field)
          for (const comparison of comparisonsOf(field)) {
            const isList = comparison === 'in' || comparison === 'not_in'
            fields[filterName(field.name, comparison)] = {
              type: isList ? new GraphQLList(new GraphQLNonNull(input)) : input
            }
          }
        }
        fields.and = { type: new GraphQLList(filter) }
        fields.or = { type: new GraphQLList(filter) }
        return fields
      }
    })
    return filter
  }

  /** References are compared by id, which graph-node takes as text. */
  function inputType({ type }: EntityField): GraphQLInputType {
    if (type.kind === 'scalar') return scalarTypes[type.name]
    return type.kind === 'enum' ? enumType(type.name) : GraphQLString
  }

  function collection(type: EntityType): GraphQLFieldConfig<unknown, unknown> {
    const orderBy = new GraphQLEnumType({
      name: `${type.name}_orderBy`,
      values: Object.fromEntries([...type.fields.keys()].map(name => [name, {}]))
    })
    return {
      type: new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(objectType(type.name)))),
      args: {
        skip: { type: GraphQLInt, defaultValue: 0 },
        first: { type: GraphQLInt, defaultValue: 100 },
        orderBy: { type: orderBy },
        orderDirection: { type: orderDirection },
        where: { type: filterType(type) },
        ...commonArguments
      },
      resolve(_source, args: CollectionArguments): EntityAt[] {
        const block = locateBlock(state, deployment, args.block).number
        const query: EntityQuery = {
          type,
          filter: readFilter(type, args.where ?? {}),
          orderBy: args.orderBy ?? 'id',
          descending: args.orderDirection === 'desc',
          first: inRange('first', args.first ?? 100, 1, maxFirst),
          skip: inRange('skip', args.skip ?? 0, 0, maxSkip),
          block
        }
        return queryEntities(store, query).map(entity => ({ entity, block }))
      }
    }
  }

  function single(type: EntityType): GraphQLFieldConfig<unknown, unknown> {
    const idField = type.fields.get('id')
    return {
      type: objectType(type.name),
      args: { id: { type: new GraphQLNonNull(GraphQLID) }, ...commonArguments },
      resolve(_source, { id, block }: { id: string; block?: BlockHeight | null }) {
        const isBytes = idField !== undefined && storedScalar(idField.type) === 'Bytes'
        return entityAt(
          type.name,
          isBytes ? parseBytes(id) : id,
          locateBlock(state, deployment, block).number
        )
      }
    }
  }

  const fields: Record<string, GraphQLFieldConfig<unknown, unknown>> = {}
  for (const type of schema.types.values()) {
    fields[type.singular] = single(type)
    fields[type.plural] = collection(type)
  }
  fields._meta = {
    type: metaType,
    args: { block: { type: blockHeight } },
    resolve: (_source, { block }: { block?: BlockHeight | null }) => ({
      block: locateBlock(state, deployment, block),
      deployment,
      hasIndexingErrors: state.failure() !== undefined
    })
  }
  return new GraphQLSchema({ query: new GraphQLObjectType({ name: 'Query', fields }) })
}

const metaType = new GraphQLObjectType({
  name: '_Meta_',
  fields: {
    block: {
      type: new GraphQLNonNull(
        new GraphQLObjectType({
          name: '_Block_',
          fields: {
            hash: { type: bytesScalar },
            number: { type: new GraphQLNonNull(GraphQLInt) },
            timestamp: { type: GraphQLInt },
            parentHash: { type: bytesScalar }
          }
        })
      )
    },
    deployment: { type: new GraphQLNonNull(GraphQLString) },
    hasIndexingErrors: { type: new GraphQLNonNull(GraphQLBoolean) }
  }
})

function inRange(argument: string, value: number, min: number, max: number): number {
  if (value >= min && value <= max) return value
  // Word for word graph-node's, which says 0 where it means 1 for `first`.
  throw new GraphQLError(`The \`${argument}\` argument must be between 0 and ${max}, but is ${value}`)
}
