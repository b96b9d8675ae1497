import { hexlify } from 'ethers'
import { type EntityField, type EntityType, type ScalarName, storedScalar } from './entity-schema.js'
import { type Tagged, TypeId, type WasmHeap } from './wasm-heap.js'

/** One value of an entity. Bytes are lowercase hex with `0x`. */
export type EntityValue = string | number | bigint | boolean

/** One version of an entity, `id` included. A null field is absent. */
export type Entity = ReadonlyMap<string, EntityValue>

/** `ValueKind` of graph-ts `common/value.ts`. */
const ValueKind = { String: 0, Int: 1, Bool: 3, Null: 5, Bytes: 6, BigInt: 7 } as const

const kindOf: Record<ScalarName, number> = {
  ID: ValueKind.String,
  String: ValueKind.String,
  Bytes: ValueKind.Bytes,
  BigInt: ValueKind.BigInt,
  Int: ValueKind.Int,
  Boolean: ValueKind.Bool
}

/** Fields as a mapping passes them to `store.set`; null takes a field away. */
export type EntityChange = Map<string, EntityValue | null>

/** Reads a `TypedMap<string, Value>`. Throws for fields and types that the schema does not have, as graph-node does. */
export function readEntity(heap: WasmHeap, pointer: number, type: EntityType): EntityChange {
  const change: EntityChange = new Map()
  for (const entry of heap.readPointers(heap.readField(pointer, 0))) {
    const name = heap.readString(heap.readField(entry, 0))
    const field = type.fields.get(name)
    if (field === undefined) {
      throw new TypeError(
        `Attempted to set undefined fields [${name}] for the entity type \`${type.name}\`. Make sure those fields are defined in the schema.`
      )
    }
    change.set(name, readValue(heap, heap.readTagged(heap.readField(entry, 1)), type, field))
  }
  return change
}

function readValue(
  heap: WasmHeap,
  { kind, payload }: Tagged,
  type: EntityType,
  field: EntityField
): EntityValue | null {
  if (kind === ValueKind.Null) return null
  const pointer = Number(payload)
  const scalar = storedScalar(field.type)
  if (kind !== kindOf[scalar]) {
    throw new TypeError(
      `\`${type.name}.${field.name}\` must be ${scalar}, but the mapping set a value of kind ${kind}`
    )
  }
  switch (kind) {
    case ValueKind.Int:
      return Number(BigInt.asIntN(32, payload))
    case ValueKind.Bool:
      return payload !== 0n
    case ValueKind.Bytes:
      return hexlify(heap.readBytes(pointer))
    case ValueKind.BigInt:
      return heap.readBigInt(pointer)
    default: {
      // PostgreSQL cannot hold NUL, so graph-node drops it.
      const text = heap.readString(pointer).replaceAll('\0', '')
      if (field.type.kind === 'enum' && !field.type.values.includes(text)) {
        throw new TypeError(
          `\`${type.name}.${field.name}\`: "${text}" is not one of ${field.type.values.join(', ')}`
        )
      }
      return text
    }
  }
}

/** Makes a `TypedMap<string, Value>`. */
export function newEntity(heap: WasmHeap, entity: Entity, type: EntityType): number {
  const entries = [...entity].map(([name, value]) => {
    const field = type.fields.get(name)
    if (field === undefined) throw new TypeError(`entity ${type.name} has no field ${name}`)
    const tagged = { kind: kindOf[storedScalar(field.type)], payload: newPayload(heap, value, field) }
    return heap.newObject(TypeId.TypedMapEntryStringStoreValue, [
      heap.newString(name),
      heap.newTagged(TypeId.StoreValue, tagged)
    ])
  })
  return heap.newObject(TypeId.TypedMapStringStoreValue, [
    heap.newArray(TypeId.ArrayTypedMapEntryStringStoreValue, entries)
  ])
}

function newPayload(heap: WasmHeap, value: EntityValue, field: EntityField): bigint {
  switch (typeof value) {
    case 'number':
      return BigInt.asUintN(64, BigInt(value))
    case 'boolean':
      return value ? 1n : 0n
    case 'bigint':
      return BigInt(heap.newBigInt(value))
    case 'string': {
      const isBytes = storedScalar(field.type) === 'Bytes'
      return BigInt(isBytes ? heap.newBytes(Buffer.from(value.slice(2), 'hex')) : heap.newString(value))
    }
  }
}

/** `before` with `change` on top. */
export function mergeEntity(before: Entity | undefined, change: EntityChange): Entity {
  const merged = new Map(before)
  for (const [name, value] of change) {
    if (value === null) merged.delete(name)
    else merged.set(name, value)
  }
  return merged
}

/** Throws where a field that the schema requires is missing. */
export function checkRequired(entity: Entity, type: EntityType): void {
  for (const field of type.fields.values()) {
    if (field.required && !entity.has(field.name)) {
      throw new TypeError(
        `Entity ${type.name}[${entity.get('id')}]: missing value for non-nullable field \`${field.name}\``
      )
    }
  }
}
