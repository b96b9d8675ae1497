import { type FieldDefinitionNode, Kind, parse, type TypeNode } from 'graphql/index.js'
import { ConfigError } from '../../../src/interface/errors.js'

/** The scalars of The Graph that this runner knows. */
export type ScalarName = 'ID' | 'String' | 'Bytes' | 'BigInt' | 'Int' | 'Boolean'

/** What a field of an entity holds. `entity`: the id of another entity. */
export type FieldType =
  | { kind: 'scalar'; name: ScalarName }
  | { kind: 'enum'; name: string; values: string[] }
  | { kind: 'entity'; name: string; id: ScalarName }

export interface EntityField {
  name: string
  type: FieldType
  required: boolean
}

export interface EntityType {
  name: string
  /** The field of `Query` for one entity: `job`. */
  singular: string
  /** The field of `Query` for many: `jobs`. */
  plural: string
  fields: Map<string, EntityField>
}

export interface EntitySchema {
  types: Map<string, EntityType>
  enums: Map<string, string[]>
}

const scalars: ReadonlySet<string> = new Set(['ID', 'String', 'Bytes', 'BigInt', 'Int', 'Boolean'])

/** Reads a subgraph's schema.graphql. Throws ConfigError for what this runner cannot serve as graph-node would. */
export function parseEntitySchema(source: string): EntitySchema {
  const document = parse(source)
  const enums = new Map<string, string[]>()
  const ids = new Map<string, ScalarName>()
  for (const node of document.definitions) {
    if (node.kind === Kind.ENUM_TYPE_DEFINITION) {
      enums.set(node.name.value, node.values?.map(value => value.name.value) ?? [])
    } else if (node.kind === Kind.OBJECT_TYPE_DEFINITION) {
      const idField = node.fields?.find(field => field.name.value === 'id')
      const idType = idField && namedType(idField.type).name
      if (idType !== 'Bytes' && idType !== 'String' && idType !== 'ID') {
        throw unsupported(`entity ${node.name.value} without an id of type Bytes, String or ID`)
      }
      ids.set(node.name.value, idType)
    } else {
      throw unsupported(`a definition of kind ${node.kind}`)
    }
  }

  const types = new Map<string, EntityType>()
  for (const node of document.definitions) {
    if (node.kind !== Kind.OBJECT_TYPE_DEFINITION) continue
    const name = node.name.value
    const fields = (node.fields ?? []).map(field => entityField(name, field, enums, ids))
    const singular = `${name.charAt(0).toLowerCase()}${name.slice(1)}`
    // graph-node knows the English plural of every word; this runner only the regular one.
    if (/(s|x|z|ch|sh|y|f|fe|o)$/.test(singular)) throw unsupported(`the plural of ${name}`)
    types.set(name, {
      name,
      singular,
      plural: `${singular}s`,
      fields: new Map(fields.map(field => [field.name, field]))
    })
  }
  return { types, enums }
}

function entityField(
  entity: string,
  node: FieldDefinitionNode,
  enums: Map<string, string[]>,
  ids: Map<string, ScalarName>
): EntityField {
  const name = node.name.value
  if (node.directives?.length) throw unsupported(`a directive on ${entity}.${name}`)
  const { name: typeName, required } = namedType(node.type)
  const values = enums.get(typeName)
  const id = ids.get(typeName)
  if (values !== undefined) return { name, required, type: { kind: 'enum', name: typeName, values } }
  if (id !== undefined) return { name, required, type: { kind: 'entity', name: typeName, id } }
  if (!scalars.has(typeName)) throw unsupported(`the type ${typeName} of ${entity}.${name}`)
  return { name, required, type: { kind: 'scalar', name: typeName as ScalarName } }
}

function namedType(node: TypeNode): { name: string; required: boolean } {
  if (node.kind === Kind.NON_NULL_TYPE) return { ...namedType(node.type), required: true }
  if (node.kind === Kind.LIST_TYPE) throw unsupported('a list')
  return { name: node.name.value, required: false }
}

function unsupported(what: string): ConfigError {
  return new ConfigError(`subgraph/schema.graphql has ${what}, which the local subgraph runner cannot serve`)
}

/** The scalar that stands for the field in the store: enums are text, references are ids. */
export function storedScalar(type: FieldType): ScalarName {
  if (type.kind === 'scalar') return type.name
  return type.kind === 'enum' ? 'String' : type.id
}
