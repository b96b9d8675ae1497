import {
  attributeField,
  graphField,
  modelField,
  nodeField,
  tensorField
} from '../../models/tools/onnx/model-proto.js'

/** Writes ONNX files field by field, so that a test can write what no exporter would. */
export type FieldValue = number | bigint | string | Uint8Array

function varint(value: bigint): number[] {
  const bytes: number[] = []
  for (let rest = BigInt.asUintN(64, value); ; rest >>= 7n) {
    if (rest < 0x80n) {
      return [...bytes, Number(rest)]
    }
    bytes.push(Number(rest & 0x7fn) | 0x80)
  }
}

/** A protobuf message of fields in order. Numbers are varints, texts and bytes are delimited by their length. */
export function message(...fields: [number, FieldValue][]): Uint8Array {
  return Buffer.concat(
    fields.map(([number, value]) => {
      if (typeof value === 'number' || typeof value === 'bigint') {
        return Buffer.from([...varint(BigInt(number) << 3n), ...varint(BigInt(value))])
      }
      const bytes = Buffer.from(value)
      return Buffer.concat([
        Buffer.from([...varint((BigInt(number) << 3n) | 2n), ...varint(BigInt(bytes.length))]),
        bytes
      ])
    })
  )
}

export interface NodeInit {
  domain?: string
  attributes?: Uint8Array[]
}

export function node(operator: string, inputs: string[], outputs: string[], init: NodeInit = {}): Uint8Array {
  return message(
    ...inputs.map((name): [number, string] => [nodeField.input, name]),
    ...outputs.map((name): [number, string] => [nodeField.output, name]),
    [nodeField.opType, operator],
    ...(init.domain === undefined ? [] : [[nodeField.domain, init.domain] as [number, string]]),
    ...(init.attributes ?? []).map((bytes): [number, Uint8Array] => [nodeField.attribute, bytes])
  )
}

/** AttributeProto.AttributeType of the values below. */
const attributeTypes = { tensor: 4, graph: 5, integer: 2 } as const

export function attribute(name: string, kind: keyof typeof attributeTypes, value: FieldValue): Uint8Array {
  const number = { tensor: attributeField.tensor, graph: attributeField.graph, integer: attributeField.i }[
    kind
  ]
  return message([attributeField.name, name], [number, value], [20, attributeTypes[kind]])
}

/** A TensorProto of int64. */
export function int64Tensor(name: string, dims: number[], values: number[]): Uint8Array {
  const raw = Buffer.from(new BigInt64Array(values.map(BigInt)).buffer)
  return message(
    ...dims.map((dim): [number, number] => [tensorField.dims, dim]),
    [tensorField.dataType, 7],
    [tensorField.name, name],
    [tensorField.rawData, raw]
  )
}

/** A ValueInfoProto of a tensor. `type`: TensorProto.DataType; `dims`: undefined for a tensor of any shape. */
export function value(name: string, type = 1, dims?: number[]): Uint8Array {
  const shape =
    dims === undefined
      ? []
      : [
          [2, message(...dims.map((dim): [number, Uint8Array] => [1, message([1, dim])]))] as [
            number,
            Uint8Array
          ]
        ]
  return message([1, name], [2, message([1, message([1, type], ...shape)])])
}

export interface GraphInit {
  nodes?: Uint8Array[]
  initializers?: Uint8Array[]
  inputs?: Uint8Array[]
  outputs?: Uint8Array[]
}

export function graph({ nodes = [], initializers = [], inputs = [], outputs = [] }: GraphInit): Uint8Array {
  const all = (number: number, parts: Uint8Array[]): [number, Uint8Array][] =>
    parts.map(part => [number, part])
  return message(
    ...all(graphField.node, nodes),
    [2, 'graph'],
    ...all(graphField.initializer, initializers),
    ...all(graphField.input, inputs),
    ...all(graphField.output, outputs)
  )
}

/** A whole file: IR version 8, operators of version 17. `extra`: further fields of the ModelProto. */
export function model(init: GraphInit, ...extra: [number, FieldValue][]): Uint8Array {
  return message(
    [modelField.irVersion, 8],
    [modelField.opsetImport, message([2, 17])],
    [modelField.graph, graph(init)],
    ...extra
  )
}
