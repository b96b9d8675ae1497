import { checkRequired, type Entity, type EntityChange, mergeEntity } from './entity.js'
import type { EntitySchema } from './entity-schema.js'
import type { EntityStore, EntityWrite } from './entity-store.js'

/** What the handlers of one block see and change: the store's state with the block's own writes on top. */
export interface BlockChanges {
  get(type: string, id: string): Entity | undefined
  /** Only what this block wrote. */
  getInBlock(type: string, id: string): Entity | undefined
  /** Fields that are not in `change` keep their value. */
  set(type: string, id: string, change: EntityChange): void
  remove(type: string, id: string): void
  /** Throws where an entity lacks a field that its schema requires. */
  writes(): EntityWrite[]
}

export function createBlockChanges(schema: EntitySchema, store: EntityStore): BlockChanges {
  const written = new Map<string, EntityWrite>()
  const keyOf = (type: string, id: string) => `${type} ${id}`

  function get(type: string, id: string): Entity | undefined {
    const write = written.get(keyOf(type, id))
    return write === undefined ? store.get(type, id) : write.entity
  }

  return {
    get,
    getInBlock: (type, id) => written.get(keyOf(type, id))?.entity,
    set(type, id, change) {
      written.set(keyOf(type, id), { type, id, entity: mergeEntity(get(type, id), change) })
    },
    remove(type, id) {
      written.set(keyOf(type, id), { type, id, entity: undefined })
    },
    writes() {
      const writes = [...written.values()]
      for (const { type, entity } of writes) {
        const entityType = schema.types.get(type)
        if (entity !== undefined && entityType !== undefined) checkRequired(entity, entityType)
      }
      return writes
    }
  }
}
