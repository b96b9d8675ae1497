import { ManifestError } from '../../../src/interface/index.js'
import {
  dimensionField,
  elementType,
  entryField,
  externalLocation,
  shapeField,
  tensorField,
  tensorTypeField,
  typeField,
  valueInfoField
} from './model-proto.js'
import { type ByteSource, type Field, readFields, readIntegers, readText } from './wire.js'

/** 1 GiB of float32: the largest single weights of exports (an embedding of 128,000 words by 2,048). */
export const maxTensorElements = 256n * 1024n * 1024n
/** Numbers of a tensor that are read to know the size of others: more dimensions than that has no shape. */
const maxReadElements = 64
const maxRank = 64
const maxLocationBytes = 4_096

export interface TensorSummary {
  name: string
  elements: bigint
  /** The numbers of a small tensor of integers or booleans; undefined for all others. */
  integers: readonly bigint[] | undefined
  externalFile: string | undefined
}

/** Bits of an element; 0: stored as a list of texts, or of a type that no runtime here takes. */
const elementBits: Record<number, number> = {
  1: 32,
  2: 8,
  3: 8,
  4: 16,
  5: 16,
  6: 32,
  7: 64,
  9: 8,
  10: 16,
  11: 64,
  12: 32,
  13: 64,
  14: 64,
  15: 128,
  16: 16,
  17: 8,
  18: 8,
  19: 8,
  20: 8,
  21: 4,
  22: 4,
  23: 4
}

/**
 * Checks a TensorProto: its shape is within the limit, and its data is as long as the shape says. With `shapeOnly` it is another
 * message, of which only the dimensions are read. Throws ManifestError.
 */
export function checkTensor(
  source: ByteSource,
  field: Field,
  { dimsField = tensorField.dims, shapeOnly = false }: { dimsField?: number; shapeOnly?: boolean } = {}
): TensorSummary {
  const dims: bigint[] = []
  let name = ''
  let dataType = 0
  let rawBytes: number | undefined
  let raw: Field | undefined
  let listed = 0
  const numbers: Field[] = []
  let isExternal = false
  let location = ''
  for (const part of readFields(source, field.start, field.end)) {
    if (part.number === dimsField) {
      dims.push(...readIntegers(source, part, maxRank))
      if (dims.length > maxRank) {
        throw new ManifestError(`a tensor has more than ${maxRank} dimensions`)
      }
      continue
    }
    if (shapeOnly) {
      continue
    }
    switch (part.number) {
      case tensorField.name:
        name = readText(source, part, 1_000)
        break
      case tensorField.dataType:
        dataType = Number(part.integer ?? 0n)
        break
      case tensorField.rawData:
        raw = part
        rawBytes = part.end - part.start
        break
      case tensorField.floatData:
      case tensorField.doubleData:
      case tensorField.int32Data:
      case tensorField.int64Data:
      case tensorField.uint64Data:
      case tensorField.stringData:
        // An unpacked number or a text is one element; a packed list has a byte at least for each.
        listed +=
          part.integer === undefined && part.number !== tensorField.stringData ? part.end - part.start : 1
        numbers.push(part)
        break
      case tensorField.externalData:
        location = readLocation(source, part) ?? location
        break
      case tensorField.dataLocation:
        isExternal = part.integer === externalLocation
        break
    }
  }
  const elements = countElements(dims)
  if (!shapeOnly && !isExternal) {
    checkLength(elements, elementBits[dataType] ?? 0, rawBytes, listed)
  }
  return {
    name,
    elements,
    integers: isExternal || shapeOnly ? undefined : readSmall(source, elements, dataType, raw, numbers),
    externalFile: isExternal ? location : undefined
  }
}

function countElements(dims: readonly bigint[]): bigint {
  let elements = 1n
  for (const dim of dims) {
    if (dim < 0n) {
      throw new ManifestError(`a tensor has the dimension ${dim}`)
    }
    elements *= dim
    if (elements > maxTensorElements) {
      throw new ManifestError(
        `a tensor has the shape [${dims.slice(0, 8).join(', ')}]: at most ${maxTensorElements} elements are taken`
      )
    }
  }
  return elements
}

/** Rule: a shape that promises more than the file holds makes the runtime allocate what nobody sent. */
function checkLength(elements: bigint, bits: number, rawBytes: number | undefined, listed: number): void {
  const isWhole =
    rawBytes === undefined
      ? BigInt(listed) >= (bits === 4 ? (elements + 1n) / 2n : elements)
      : bits > 0 && BigInt(rawBytes) === (elements * BigInt(bits) + 7n) / 8n
  if (!isWhole) {
    throw new ManifestError(`a tensor of ${elements} elements holds ${rawBytes ?? listed} bytes of data`)
  }
}

function readLocation(source: ByteSource, field: Field): string | undefined {
  let key = ''
  let value = ''
  for (const part of readFields(source, field.start, field.end)) {
    if (part.number === entryField.key) {
      key = readText(source, part, 100)
    } else if (part.number === entryField.value) {
      value = readText(source, part, maxLocationBytes)
    }
  }
  return key === 'location' ? value : undefined
}

function readSmall(
  source: ByteSource,
  elements: bigint,
  dataType: number,
  raw: Field | undefined,
  numbers: Field[]
): bigint[] | undefined {
  const integerTypes: readonly number[] = [elementType.int32, elementType.int64, elementType.bool]
  if (elements > BigInt(maxReadElements) || !integerTypes.includes(dataType)) {
    return undefined
  }
  if (raw === undefined) {
    return numbers.flatMap(field => readIntegers(source, field, maxReadElements))
  }
  const bytes = source.read(raw.start, raw.end - raw.start)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: Number(elements) }, (_, index) => {
    switch (dataType) {
      case elementType.int64:
        return view.getBigInt64(index * 8, true)
      case elementType.int32:
        return BigInt(view.getInt32(index * 4, true))
      default:
        return BigInt(view.getUint8(index))
    }
  })
}

/** Checks the shape that a ValueInfoProto declares, as far as it is fixed. */
export function checkDeclaredShape(source: ByteSource, field: Field): void {
  for (const part of readFields(source, field.start, field.end)) {
    if (part.number === valueInfoField.type) {
      checkType(source, part, 0)
    }
  }
}

function checkType(source: ByteSource, field: Field, depth: number): void {
  for (const part of readFields(source, field.start, field.end)) {
    if (part.number === typeField.tensor || part.number === typeField.sparseTensor) {
      checkTensorType(source, part)
    } else if (part.number === typeField.sequence || part.number === typeField.optional) {
      if (depth > 8) {
        throw new ManifestError('a type nests more than 8 deep')
      }
      checkType(source, part, depth + 1)
    }
  }
}

function checkTensorType(source: ByteSource, field: Field): void {
  const dims: bigint[] = []
  for (const part of readFields(source, field.start, field.end)) {
    if (part.number !== tensorTypeField.shape) {
      continue
    }
    for (const dimension of readFields(source, part.start, part.end)) {
      if (dimension.number !== shapeField.dimension) {
        continue
      }
      for (const value of readFields(source, dimension.start, dimension.end)) {
        if (value.number === dimensionField.value) {
          // Some exporters write -1 or 0 for a dimension that varies.
          const size = BigInt.asIntN(64, value.integer ?? 0n)
          dims.push(size < 1n ? 1n : size)
        }
      }
      if (dims.length > maxRank) {
        throw new ManifestError(`a tensor has more than ${maxRank} dimensions`)
      }
    }
  }
  countElements(dims)
}
