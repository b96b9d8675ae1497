import { elementType, tensorField } from '../../../models/tools/onnx/model-proto.js'
import {
  bytesSource,
  type Field,
  readFields,
  readIntegers,
  readText
} from '../../../models/tools/onnx/wire.js'
import {
  createTensorData,
  elementCount,
  type NamedTensor,
  type TensorDataType
} from '../../../models/tools/open-inference.js'
import { UnsupportedCaseError } from './unsupported.js'

/** TensorProto.DataType to the Open Inference Protocol's. */
const dataTypes = new Map<number, TensorDataType>([
  [elementType.bool, 'BOOL'],
  [elementType.int8, 'INT8'],
  [elementType.int16, 'INT16'],
  [elementType.int32, 'INT32'],
  [elementType.int64, 'INT64'],
  [elementType.uint8, 'UINT8'],
  [elementType.uint16, 'UINT16'],
  [elementType.uint32, 'UINT32'],
  [elementType.uint64, 'UINT64'],
  [elementType.float16, 'FP16'],
  [elementType.float32, 'FP32'],
  [elementType.float64, 'FP64'],
  [elementType.string, 'BYTES']
])

/** Throws UnsupportedCaseError for an element type that the tensor task does not have. */
export function dataTypeOf(type: number): TensorDataType {
  const found = dataTypes.get(type)
  if (found === undefined) {
    throw new UnsupportedCaseError(`element type ${type} of ONNX`)
  }
  return found
}

/** A TensorProto file (`input_0.pb`). Throws UnsupportedCaseError, ManifestError. */
export function readTensorProto(bytes: Uint8Array, name: string): NamedTensor {
  const source = bytesSource(bytes)
  const shape: number[] = []
  const values: (number | bigint | string)[] = []
  let type = 0
  let raw: Uint8Array | undefined
  for (const field of readFields(source, 0, bytes.length)) {
    switch (field.number) {
      case tensorField.dims:
        shape.push(...readIntegers(source, field, 64).map(Number))
        break
      case tensorField.dataType:
        type = Number(field.integer)
        break
      case tensorField.rawData:
        raw = bytes.subarray(field.start, field.end)
        break
      case tensorField.stringData:
        values.push(readText(source, field, field.end - field.start))
        break
      case tensorField.floatData:
        pushFixed(values, bytes, field, 4, view => view.getFloat32(0, true))
        break
      case tensorField.doubleData:
        pushFixed(values, bytes, field, 8, view => view.getFloat64(0, true))
        break
      case tensorField.int32Data:
      case tensorField.int64Data:
      case tensorField.uint64Data:
        for (const value of readIntegers(source, field, bytes.length)) {
          values.push(value)
        }
        break
    }
  }
  const datatype = dataTypeOf(type)
  const data = createTensorData(datatype, elementCount(shape))
  if (raw !== undefined && ArrayBuffer.isView(data)) {
    new Uint8Array(data.buffer).set(raw.subarray(0, data.byteLength))
  } else {
    const isBig = data instanceof BigInt64Array || data instanceof BigUint64Array
    for (let index = 0; index < data.length; index++) {
      const value = values[index] ?? 0
      data[index] = typeof value === 'string' ? value : isBig ? BigInt(value) : Number(value)
    }
  }
  return { name, datatype, shape, data }
}

function pushFixed(
  values: (number | bigint | string)[],
  bytes: Uint8Array,
  { start, end }: Field,
  size: number,
  read: (view: DataView) => number
): void {
  for (let offset = start; offset + size <= end; offset += size) {
    values.push(read(new DataView(bytes.buffer, bytes.byteOffset + offset, size)))
  }
}
