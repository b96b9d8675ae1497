import { encodeBase58, getBytes, hexlify, keccak256 } from 'ethers'
import type { Logger } from '../../../src/interface/logger.js'
import type { BlockChanges } from './block-changes.js'
import { newEntity, readEntity } from './entity.js'
import type { EntitySchema, EntityType } from './entity-schema.js'
import {
  decodeEthereumValue,
  encodeEthereumValue,
  newEthereumValue,
  readEthereumValue
} from './ethereum-value.js'
import type { WasmHeap } from './wasm-heap.js'
import { webAssembly } from './web-assembly.js'

/** What the host functions work on while a handler runs. */
export interface HostContext {
  heap: WasmHeap
  schema: EntitySchema
  changes: BlockChanges
  logger: Logger
  /** The data source's contract. */
  address: Uint8Array
  network: string
}

type HostFunction = (context: HostContext, ...args: number[]) => number | void

/** Ends the handler: the subgraph fails at this block, as it would on graph-node. */
export class MappingError extends Error {
  override readonly name = 'MappingError'
}

/** `log.Level` of graph-ts. */
const critical = 0
const levels = ['error', 'error', 'warn', 'info', 'debug'] as const

/**
 * The functions that graph-node gives to a mapping, by the names under which graph-ts imports them.
 * Numbers are pointers into the mapping's memory, unless the name says otherwise.
 */
export const hostFunctions: Record<string, HostFunction> = {
  abort({ heap }, message = 0, file = 0, line = 0, column = 0) {
    const text = message === 0 ? 'no message' : `message: ${heap.readString(message)}`
    const place =
      file === 0 ? 'an unknown location' : `${heap.readString(file)}, line ${line}, column ${column}`
    throw new MappingError(`Mapping aborted at ${place}, with ${text}`)
  },

  'store.get': ({ heap, schema, changes }, type = 0, id = 0) => {
    const entityType = entityTypeOf(schema, heap.readString(type))
    const entity = changes.get(entityType.name, heap.readString(id))
    return entity === undefined ? 0 : newEntity(heap, entity, entityType)
  },
  'store.get_in_block': ({ heap, schema, changes }, type = 0, id = 0) => {
    const entityType = entityTypeOf(schema, heap.readString(type))
    const entity = changes.getInBlock(entityType.name, heap.readString(id))
    return entity === undefined ? 0 : newEntity(heap, entity, entityType)
  },
  'store.set'({ heap, schema, changes }, type = 0, idPointer = 0, data = 0) {
    const entityType = entityTypeOf(schema, heap.readString(type))
    const id = heap.readString(idPointer)
    const change = readEntity(heap, data, entityType)
    const ownId = change.get('id') ?? id
    if (ownId !== id) {
      throw new MappingError(
        `Value of ${entityType.name} attribute 'id' conflicts with ID passed to \`store.set()\`: ${ownId} != ${id}`
      )
    }
    changes.set(entityType.name, id, change.set('id', id))
  },
  'store.remove'({ heap, schema, changes }, type = 0, id = 0) {
    changes.remove(entityTypeOf(schema, heap.readString(type)).name, heap.readString(id))
  },

  'crypto.keccak256': ({ heap }, input = 0) => heap.newBytes(getBytes(keccak256(heap.readBytes(input)))),

  'ethereum.encode': ({ heap }, value = 0) =>
    orNull(() => heap.newBytes(encodeEthereumValue(readEthereumValue(heap, value)))),
  'ethereum.decode': ({ heap }, types = 0, data = 0) =>
    orNull(() => newEthereumValue(heap, decodeEthereumValue(heap.readString(types), heap.readBytes(data)))),

  'typeConversion.bytesToString': ({ heap }, bytes = 0) =>
    heap.newString(
      new TextDecoder('utf-8', { ignoreBOM: true }).decode(heap.readBytes(bytes)).replace(/\0+$/, '')
    ),
  'typeConversion.bytesToHex': ({ heap }, bytes = 0) => heap.newString(hexlify(heap.readBytes(bytes))),
  'typeConversion.bytesToBase58': ({ heap }, bytes = 0) =>
    heap.newString(encodeBase58(heap.readBytes(bytes))),
  'typeConversion.bigIntToString': ({ heap }, value = 0) => heap.newString(heap.readBigInt(value).toString()),
  'typeConversion.bigIntToHex': ({ heap }, pointer = 0) => {
    const value = heap.readBigInt(pointer)
    return heap.newString(`0x${(value < 0n ? -value : value).toString(16)}`)
  },
  'typeConversion.stringToH160': ({ heap }, text = 0) => {
    const hex = heap.readString(text).replace(/^0x/, '')
    if (!/^[0-9a-fA-F]{40}$/.test(hex))
      throw new MappingError(`Failed to convert string to Address/H160: '${hex}'`)
    return heap.newBytes(Buffer.from(hex, 'hex'))
  },

  'bigInt.plus': bigIntOperation((x, y) => x + y),
  'bigInt.minus': bigIntOperation((x, y) => x - y),
  'bigInt.times': bigIntOperation((x, y) => x * y),
  'bigInt.dividedBy': bigIntOperation((x, y) => {
    if (y === 0n) throw new MappingError(`attempted to divide BigInt \`${x}\` by zero`)
    return x / y
  }),
  'bigInt.mod': bigIntOperation((x, y) => {
    if (y === 0n)
      throw new MappingError(`attempted to calculate the remainder of \`${x}\` with a divisor of zero`)
    return x % y
  }),
  'bigInt.bitOr': bigIntOperation((x, y) => x | y),
  'bigInt.bitAnd': bigIntOperation((x, y) => x & y),
  // The second argument of these three is a number, of 8 bits.
  'bigInt.pow': ({ heap }, x = 0, exponent = 0) =>
    heap.newBigInt(heap.readBigInt(x) ** BigInt(exponent & 0xff)),
  'bigInt.leftShift': ({ heap }, x = 0, bits = 0) =>
    heap.newBigInt(heap.readBigInt(x) << BigInt(bits & 0xff)),
  'bigInt.rightShift': ({ heap }, x = 0, bits = 0) =>
    heap.newBigInt(heap.readBigInt(x) >> BigInt(bits & 0xff)),
  'bigInt.fromString': ({ heap }, text = 0) => {
    const digits = heap.readString(text)
    if (!/^[+-]?\d+$/.test(digits)) throw new MappingError(`Failed to parse BigInt: '${digits}'`)
    return heap.newBigInt(BigInt(digits.replace(/^\+/, '')))
  },

  'dataSource.address': ({ heap, address }) => heap.newBytes(address),
  'dataSource.network': ({ heap, network }) => heap.newString(network),

  'log.log'({ heap, logger }, level = 0, message = 0) {
    const text = heap.readString(message)
    logger[levels[level] ?? 'error']({}, text)
    if (level === critical) throw new MappingError(`Critical error logged in mapping: ${text}`)
  }
}

function bigIntOperation(operate: (x: bigint, y: bigint) => bigint): HostFunction {
  return ({ heap }, x = 0, y = 0) => heap.newBigInt(operate(heap.readBigInt(x), heap.readBigInt(y)))
}

/** graph-node answers null where a value cannot be encoded or decoded. */
function orNull(make: () => number): number {
  try {
    return make()
  } catch (error) {
    // Where the mapping's memory itself is broken, null would hide it.
    if (error instanceof RangeError || error instanceof webAssembly.RuntimeError) throw error
    return 0
  }
}

function entityTypeOf(schema: EntitySchema, name: string): EntityType {
  const type = schema.types.get(name)
  if (type === undefined) throw new MappingError(`unknown entity type ${name}`)
  return type
}
