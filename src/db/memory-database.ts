import { compare } from 'uint8arrays/compare'
import { fromString } from 'uint8arrays/from-string'
import { toString as toText } from 'uint8arrays/to-string'
import type { Database } from '../interface/database.js'

/** A database that is gone with the process: for tests and simulations. Same order and atomicity as LevelDB. */
export function memoryDatabase(): Database {
  const values = new Map<string, Uint8Array>()
  return {
    async get(key) {
      return values.get(toText(key, 'hex'))
    },
    async batch(operations) {
      for (const operation of operations) {
        const id = toText(operation.key, 'hex')
        if (operation.type === 'put') values.set(id, operation.value.slice())
        else values.delete(id)
      }
    },
    async *entries({ gte, lt, limit = Number.POSITIVE_INFINITY, reverse = false }) {
      const inRange = [...values.keys()]
        .map(id => fromString(id, 'hex'))
        .filter(key => compare(key, gte) >= 0 && compare(key, lt) < 0)
        .sort(reverse ? (a, b) => compare(b, a) : compare)
      for (const key of inRange.slice(0, limit)) {
        const value = values.get(toText(key, 'hex'))
        if (value !== undefined) yield [key, value]
      }
    },
    async close() {}
  }
}
