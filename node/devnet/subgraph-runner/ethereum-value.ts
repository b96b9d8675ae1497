import { AbiCoder, getAddress, hexlify, ParamType } from 'ethers'
import { TypeId, type WasmHeap } from './wasm-heap.js'

/** `ethereum.Value` of graph-ts. */
export type EthereumValue =
  | { kind: 'address' | 'fixedBytes' | 'bytes'; bytes: Uint8Array }
  | { kind: 'int' | 'uint'; value: bigint }
  | { kind: 'bool'; value: boolean }
  | { kind: 'string'; value: string }
  | { kind: 'fixedArray' | 'array' | 'tuple'; values: EthereumValue[] }

/** `ethereum.ValueKind`, by its number. */
const kinds = [
  'address',
  'fixedBytes',
  'bytes',
  'int',
  'uint',
  'bool',
  'string',
  'fixedArray',
  'array',
  'tuple'
] as const

const coder = AbiCoder.defaultAbiCoder()
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

/** Parsed types: a subgraph uses few, each of them for every event. */
const paramTypes = new Map<string, ParamType>()
/** Beyond it a mapping makes up types without end. */
const maxParamTypes = 1_000

function paramType(type: string): ParamType {
  let parsed = paramTypes.get(type)
  if (parsed === undefined) {
    parsed = ParamType.from(type)
    if (paramTypes.size < maxParamTypes) paramTypes.set(type, parsed)
  }
  return parsed
}

/** Of hex that has been checked, or comes from ethers. */
export function bytesOf(hex: string): Uint8Array {
  return Buffer.from(hex.slice(2), 'hex')
}

export function readEthereumValue(heap: WasmHeap, pointer: number): EthereumValue {
  const { kind: number, payload } = heap.readTagged(pointer)
  const kind = kinds[number]
  const target = Number(payload)
  switch (kind) {
    case 'address':
    case 'fixedBytes':
    case 'bytes':
      return { kind, bytes: heap.readBytes(target) }
    case 'int':
    case 'uint':
      return { kind, value: heap.readBigInt(target) }
    case 'bool':
      return { kind, value: payload !== 0n }
    case 'string':
      return { kind, value: heap.readString(target) }
    case 'fixedArray':
    case 'array':
    case 'tuple':
      return { kind, values: heap.readPointers(target).map(item => readEthereumValue(heap, item)) }
    default:
      throw new TypeError(`the mapping passed an ethereum.Value of the unknown kind ${number}`)
  }
}

export function newEthereumValue(heap: WasmHeap, value: EthereumValue): number {
  const kind = kinds.indexOf(value.kind)
  return heap.newTagged(TypeId.EthereumValue, { kind, payload: BigInt(newPayload(heap, value)) })
}

function newPayload(heap: WasmHeap, value: EthereumValue): number {
  switch (value.kind) {
    case 'address':
    case 'fixedBytes':
    case 'bytes':
      return heap.newBytes(value.bytes)
    case 'int':
    case 'uint':
      return heap.newBigInt(value.value)
    case 'bool':
      return value.value ? 1 : 0
    case 'string':
      return heap.newString(value.value)
    case 'fixedArray':
    case 'array':
    case 'tuple':
      return heap.newArray(
        TypeId.ArrayEthereumValue,
        value.values.map(item => newEthereumValue(heap, item))
      )
  }
}

/** As graph-node's `ethereum.encode`: `abi.encode(value)`, so a dynamic value has its offset in front. */
export function encodeEthereumValue(value: EthereumValue): Uint8Array {
  return bytesOf(coder.encode([paramType(abiType(value))], [abiValue(value)]))
}

/** As graph-node's `ethereum.decode`. `types`: `address`, `(uint256,string)`, … Throws where the bytes are not that. */
export function decodeEthereumValue(types: string, data: Uint8Array): EthereumValue {
  const [value] = decodeParams([ParamType.from(types)], data)
  if (value === undefined) throw new TypeError(`no value of type ${types}`)
  return value
}

/** Decodes `abi.encode(…)` of the parameters. Text that is not UTF-8 is kept, with U+FFFD where it is broken. */
export function decodeParams(params: readonly ParamType[], data: Uint8Array): EthereumValue[] {
  // ethers throws for text that is not UTF-8, where graph-node repairs it: so text is read as bytes first.
  const types = params.map(param => paramType(param.format('sighash').replace(/\bstring\b/g, 'bytes')))
  const decoded = coder.decode(types, data)
  return params.map((param, index) => fromDecoded(param, decoded[index]))
}

function fromDecoded(param: ParamType, decoded: unknown): EthereumValue {
  if (param.isArray()) {
    const { arrayChildren, arrayLength } = param
    const values = Array.from(decoded as Iterable<unknown>, item => fromDecoded(arrayChildren, item))
    return { kind: arrayLength === -1 ? 'array' : 'fixedArray', values }
  }
  if (param.isTuple()) {
    const items = Array.from(decoded as Iterable<unknown>)
    return { kind: 'tuple', values: param.components.map((part, index) => fromDecoded(part, items[index])) }
  }
  const { type } = param
  if (type === 'address') return { kind: 'address', bytes: bytesOf(decoded as string) }
  if (type === 'bool') return { kind: 'bool', value: decoded as boolean }
  if (type === 'string') return { kind: 'string', value: utf8.decode(bytesOf(decoded as string)) }
  if (type === 'bytes') return { kind: 'bytes', bytes: bytesOf(decoded as string) }
  if (type.startsWith('bytes')) return { kind: 'fixedBytes', bytes: bytesOf(decoded as string) }
  return { kind: type.startsWith('int') ? 'int' : 'uint', value: BigInt(decoded as bigint) }
}

function abiType(value: EthereumValue): string {
  switch (value.kind) {
    case 'fixedBytes':
      return `bytes${value.bytes.length}`
    case 'int':
    case 'uint':
      return `${value.kind}256`
    case 'tuple':
      return `(${value.values.map(abiType).join(',')})`
    case 'array':
    case 'fixedArray': {
      const [first] = value.values
      const item = first === undefined ? 'uint256' : abiType(first)
      return value.kind === 'array' ? `${item}[]` : `${item}[${value.values.length}]`
    }
    default:
      return value.kind
  }
}

function abiValue(value: EthereumValue): unknown {
  if ('values' in value) return value.values.map(abiValue)
  if (value.kind === 'address') return getAddress(hexlify(value.bytes))
  return 'bytes' in value ? value.bytes : value.value
}
