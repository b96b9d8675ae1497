/**
 * Reads and makes objects in the memory of an AssemblyScript 0.19 module (graph-cli's compiler, stub runtime).
 * Layout: https://www.assemblyscript.org/runtime.html. All numbers are little endian; a pointer has 4 bytes; 0 is null.
 */

import type { WasmMemory } from './web-assembly.js'

/** Ids of graph-ts `global/global.ts`; `id_of_type` turns each into the id of the module's own class. */
export const TypeId = {
  String: 0,
  ArrayBuffer: 1,
  Uint8Array: 6,
  ArrayEthereumValue: 15,
  ArrayStoreValue: 16,
  ArrayEventParam: 19,
  ArrayTypedMapEntryStringStoreValue: 21,
  EventParam: 23,
  EthereumTransaction: 24,
  EthereumBlock: 25,
  EthereumValue: 30,
  StoreValue: 31,
  EthereumEvent: 33,
  TypedMapEntryStringStoreValue: 34,
  TypedMapStringStoreValue: 36
} as const
export type TypeId = (typeof TypeId)[keyof typeof TypeId]

/** What graph-cli's compiler exports from every mapping. */
export interface MappingExports {
  memory: WasmMemory
  __new(sizeBytes: number, classId: number): number
  id_of_type(typeId: number): number
  /** Runs the module's top level. */
  _start(): void
}

/** A tagged value, of `ethereum.Value` or of the store's `Value`: kind (4 bytes), padding (4), payload (8). */
export interface Tagged {
  kind: number
  payload: bigint
}

export interface WasmHeap {
  sizeBytes(): number
  readString(pointer: number): string
  /** Bytes and BigInt are Uint8Arrays, too. */
  readBytes(pointer: number): Uint8Array
  readBigInt(pointer: number): bigint
  readPointers(arrayPointer: number): number[]
  /** The `index`-th pointer among the fields of an object that holds only pointers. */
  readField(pointer: number, index: number): number
  readTagged(pointer: number): Tagged
  newString(value: string): number
  newBytes(value: Uint8Array): number
  newBigInt(value: bigint): number
  newArray(typeId: TypeId, pointers: number[]): number
  newObject(typeId: TypeId, fields: number[]): number
  newTagged(typeId: TypeId, value: Tagged): number
}

/** No object of a mapping comes near it; a broken pointer would. */
const maxObjectBytes = 64 * 1024 * 1024

export function createWasmHeap(exports: MappingExports): WasmHeap {
  const decoder = new TextDecoder('utf-16le', { ignoreBOM: true })
  const classIds = new Map<TypeId, number>()

  // The buffer of a memory changes when the memory grows, so each access asks for it anew.
  const view = () => new DataView(exports.memory.buffer)

  function classId(typeId: TypeId): number {
    let id = classIds.get(typeId)
    if (id === undefined) {
      id = exports.id_of_type(typeId)
      classIds.set(typeId, id)
    }
    return id
  }

  function copyIn(typeId: TypeId, bytes: Uint8Array): number {
    const pointer = exports.__new(bytes.length, classId(typeId))
    new Uint8Array(exports.memory.buffer, pointer, bytes.length).set(bytes)
    return pointer
  }

  function checkedSize(sizeBytes: number): number {
    if (sizeBytes > maxObjectBytes) throw new RangeError(`the mapping passed an object of ${sizeBytes} bytes`)
    return sizeBytes
  }

  function words(typeId: TypeId, values: number[]): number {
    const bytes = new Uint8Array(values.length * 4)
    const data = new DataView(bytes.buffer)
    for (const [index, value] of values.entries()) data.setUint32(index * 4, value, true)
    return copyIn(typeId, bytes)
  }

  function readBytes(pointer: number): Uint8Array {
    const data = view()
    const start = data.getUint32(pointer + 4, true)
    const length = checkedSize(data.getUint32(pointer + 8, true))
    return new Uint8Array(exports.memory.buffer, start, length).slice()
  }

  function newBytes(value: Uint8Array): number {
    const buffer = copyIn(TypeId.ArrayBuffer, value)
    return words(TypeId.Uint8Array, [buffer, buffer, value.length])
  }

  return {
    sizeBytes: () => exports.memory.buffer.byteLength,
    readString(pointer) {
      // The size stands in the header, right before the object.
      const length = checkedSize(view().getUint32(pointer - 4, true))
      return decoder.decode(new Uint8Array(exports.memory.buffer, pointer, length))
    },
    readBytes,
    readBigInt: pointer => signedFromBytes(readBytes(pointer)),
    readPointers(arrayPointer) {
      const data = view()
      const start = data.getUint32(arrayPointer + 4, true)
      const length = data.getUint32(arrayPointer + 12, true)
      checkedSize(length * 4)
      return Array.from({ length }, (_, index) => data.getUint32(start + index * 4, true))
    },
    readField: (pointer, index) => view().getUint32(pointer + index * 4, true),
    readTagged(pointer) {
      const data = view()
      return { kind: data.getUint32(pointer, true), payload: data.getBigUint64(pointer + 8, true) }
    },
    newString: value => copyIn(TypeId.String, Buffer.from(value, 'utf16le')),
    newBytes,
    newBigInt: value => newBytes(signedToBytes(value)),
    newArray(typeId, pointers) {
      const buffer = words(TypeId.ArrayBuffer, pointers)
      return words(typeId, [buffer, buffer, pointers.length * 4, pointers.length])
    },
    newObject: words,
    newTagged(typeId, value) {
      const bytes = new Uint8Array(16)
      const data = new DataView(bytes.buffer)
      data.setUint32(0, value.kind, true)
      data.setBigUint64(8, value.payload, true)
      return copyIn(typeId, bytes)
    }
  }
}

/** Two's complement, little endian: how graph-ts holds a BigInt. */
export function signedFromBytes(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n
  const value = BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
  return BigInt.asIntN(bytes.length * 8, value)
}

/** The shortest two's complement, little endian. */
export function signedToBytes(value: bigint): Uint8Array {
  // One bit more than the magnitude has, for the sign.
  const magnitude = value < 0n ? -value - 1n : value
  const bits = magnitude === 0n ? 1 : magnitude.toString(2).length + 1
  const sizeBytes = Math.ceil(bits / 8)
  const hex = BigInt.asUintN(sizeBytes * 8, value).toString(16)
  return Buffer.from(hex.padStart(sizeBytes * 2, '0'), 'hex').reverse()
}
