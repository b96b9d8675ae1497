import {
  graphField,
  modelField,
  tensorField,
  tensorTypeField,
  typeField,
  valueInfoField
} from '../../../models/tools/onnx/model-proto.js'
import {
  type ByteSource,
  bytesSource,
  type Field,
  readFields,
  readText
} from '../../../models/tools/onnx/wire.js'
import { dataTypeOf } from './tensor-proto.js'
import { UnsupportedCaseError } from './unsupported.js'

/** The names of a graph's inputs that have no initialiser, and of its outputs, in order. */
export interface GraphSignature {
  inputs: string[]
  outputs: string[]
}

/** Throws UnsupportedCaseError where a side is no tensor of a known type, ManifestError for what is no ONNX. */
export function readSignature(bytes: Uint8Array): GraphSignature {
  const source = bytesSource(bytes)
  const graph = [...readFields(source, 0, bytes.length)].find(({ number }) => number === modelField.graph)
  const initialisers = new Set<string>()
  const sides: Record<number, string[]> = { [graphField.input]: [], [graphField.output]: [] }
  for (const field of graph === undefined ? [] : readFields(source, graph.start, graph.end)) {
    if (field.number === graphField.initializer) {
      initialisers.add(textOf(source, field, tensorField.name))
    } else {
      sides[field.number]?.push(checkedName(source, field))
    }
  }
  return {
    inputs: (sides[graphField.input] ?? []).filter(name => !initialisers.has(name)),
    outputs: sides[graphField.output] ?? []
  }
}

/** Name of a ValueInfoProto. */
function checkedName(source: ByteSource, field: Field): string {
  const name = textOf(source, field, valueInfoField.name)
  const type = fieldOf(source, field, valueInfoField.type)
  const tensor = type && fieldOf(source, type, typeField.tensor)
  if (tensor === undefined) {
    throw new UnsupportedCaseError(`${name} is a sequence, a map or optional, not a tensor`)
  }
  dataTypeOf(Number(fieldOf(source, tensor, tensorTypeField.elementType)?.integer ?? 0n))
  return name
}

function fieldOf(source: ByteSource, { start, end }: Field, number: number): Field | undefined {
  return [...readFields(source, start, end)].find(field => field.number === number)
}

function textOf(source: ByteSource, field: Field, number: number): string {
  const found = fieldOf(source, field, number)
  return found === undefined ? '' : readText(source, found, 1_000)
}
