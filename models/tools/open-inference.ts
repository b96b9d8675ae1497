import { z } from 'zod'
import { FailureCode, JobFailedError } from '../../src/interface/index.js'
import { checked } from './codec.js'
import { fromHalf, toHalf } from './half.js'

/**
 * Tensors in the JSON form of the Open Inference Protocol v2 (https://github.com/kserve/open-inference-protocol).
 * JSON lacks some numbers, so beyond the protocol these texts stand for them: "NaN", "Infinity", "-Infinity" and "-0" in
 * floats, and decimal digits in 64-bit integers beyond 2^53.
 */

export const dataTypes = [
  'BOOL',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'FP16',
  'FP32',
  'FP64',
  'BYTES'
] as const
export type TensorDataType = (typeof dataTypes)[number]

/** Elements in row-major order. BOOL: 0 and 1. FP16: their bits. BYTES: texts. */
export type TensorData =
  | Uint8Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Float32Array
  | Float64Array
  | string[]

export interface NamedTensor {
  name: string
  datatype: TensorDataType
  shape: number[]
  data: TensorData
}

/** Of all tensors of one side: a picture of 1,024 pixels squared, four times. As JSON that is 100 MB at most. */
export const maxElements = 4 * 1024 * 1024
/** More dimensions than any operator of ONNX knows; it bounds what a shape costs. */
const maxRank = 64
const maxTensors = 1_000

type Element = number | boolean | string

interface Conversion {
  create(length: number): TensorData
  /** The element of the typed array; undefined for what does not fit. */
  read(value: unknown): number | bigint | string | undefined
  write(value: number | bigint | string): Element
}

const floatNames: Record<string, number> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
  '-0': -0
}

function readFloat(value: unknown): number | undefined {
  return typeof value === 'number' ? value : typeof value === 'string' ? floatNames[value] : undefined
}

/**
 * The shortest number that reads back as the same one. `digits`: significant ones that always and that sometimes are enough;
 * `stored`: a number as the type keeps it.
 */
function writeFloat(value: number, digits: [number, number], stored: (value: number) => number): Element {
  if (Object.is(value, -0)) {
    return '-0'
  }
  if (!Number.isFinite(value)) {
    return String(value)
  }
  // Whole numbers stay whole: 65504 reads back from 65500 in half precision, and would puzzle people.
  if (Number.isSafeInteger(value)) {
    return value
  }
  const [enough, few] = digits
  for (let count = few; count < enough; count++) {
    const short = Number(value.toPrecision(count))
    if (stored(short) === value) {
      return short
    }
  }
  return Number(value.toPrecision(enough))
}

function integers(create: (length: number) => TensorData, low: number, high: number): Conversion {
  return {
    create,
    read: value =>
      typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high
        ? value
        : undefined,
    write: Number
  }
}

function bigIntegers(create: (length: number) => TensorData, low: bigint, high: bigint): Conversion {
  return {
    create,
    read(value) {
      const exact =
        (typeof value === 'number' && Number.isSafeInteger(value)) ||
        (typeof value === 'string' && /^-?\d{1,20}$/u.test(value))
      const number = exact ? BigInt(value) : undefined
      return number !== undefined && number >= low && number <= high ? number : undefined
    },
    write: value => (Number.isSafeInteger(Number(value)) ? Number(value) : String(value))
  }
}

const conversions: Record<TensorDataType, Conversion> = {
  BOOL: {
    create: length => new Uint8Array(length),
    read: value => (typeof value === 'boolean' ? Number(value) : undefined),
    write: value => value === 1
  },
  INT8: integers(length => new Int8Array(length), -(2 ** 7), 2 ** 7 - 1),
  INT16: integers(length => new Int16Array(length), -(2 ** 15), 2 ** 15 - 1),
  INT32: integers(length => new Int32Array(length), -(2 ** 31), 2 ** 31 - 1),
  INT64: bigIntegers(length => new BigInt64Array(length), -(2n ** 63n), 2n ** 63n - 1n),
  UINT8: integers(length => new Uint8Array(length), 0, 2 ** 8 - 1),
  UINT16: integers(length => new Uint16Array(length), 0, 2 ** 16 - 1),
  UINT32: integers(length => new Uint32Array(length), 0, 2 ** 32 - 1),
  UINT64: bigIntegers(length => new BigUint64Array(length), 0n, 2n ** 64n - 1n),
  FP16: {
    create: length => new Uint16Array(length),
    read(value) {
      const number = readFloat(value)
      return number === undefined ? undefined : toHalf(number)
    },
    write: value => writeFloat(fromHalf(Number(value)), [5, 3], number => fromHalf(toHalf(number)))
  },
  FP32: {
    create: length => new Float32Array(length),
    read: readFloat,
    write: value => writeFloat(Number(value), [9, 6], Math.fround)
  },
  FP64: {
    create: length => new Float64Array(length),
    read: readFloat,
    write: value => writeFloat(Number(value), [17, 15], Number)
  },
  BYTES: {
    create: length => new Array<string>(length).fill(''),
    read: value => (typeof value === 'string' ? value : undefined),
    write: String
  }
}

const jsonTensorsSchema = z
  .array(
    z.strictObject({
      name: z.string().min(1).max(1_000),
      shape: z.array(z.int().min(0).max(maxElements)).max(maxRank),
      datatype: z.enum(dataTypes),
      parameters: z.record(z.string(), z.unknown()).optional(),
      data: z.array(z.unknown())
    })
  )
  .max(maxTensors)

export type JsonTensor = z.infer<typeof jsonTensorsSchema>[number]

/** A tensor as the rest of the program may hold it. */
export const namedTensorSchema = z
  .object({
    name: z.string().min(1).max(1_000),
    datatype: z.enum(dataTypes),
    shape: z.array(z.int().min(0)).max(maxRank),
    data: z.custom<TensorData>(
      value => Array.isArray(value) || ArrayBuffer.isView(value),
      'holds no elements'
    )
  })
  .refine(
    ({ data, shape }) => data.length === elementCount(shape),
    'has not as many elements as its shape says'
  )

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

/** An array of the type's own kind. */
export function createTensorData(datatype: TensorDataType, length: number): TensorData {
  return conversions[datatype].create(length)
}

/** Throws JobFailedError (InvalidInput, InputTooLarge) for what is no list of tensors. */
export function parseTensors(json: unknown, what: string): NamedTensor[] {
  let elements = 0
  return checked(jsonTensorsSchema, json, what).map(({ name, shape, datatype, data }) => {
    const length = elementCount(shape)
    elements += length
    if (elements > maxElements) {
      throw new JobFailedError(
        FailureCode.InputTooLarge,
        `${what} have more than ${maxElements} elements, the most that are taken`
      )
    }
    // The protocol allows nested lists, and says that they mean the same as the flat one.
    const flat = data.some(Array.isArray) ? (data.flat(maxRank) as unknown[]) : data
    if (flat.length !== length) {
      throw new JobFailedError(
        FailureCode.InvalidInput,
        `The tensor ${name} has ${flat.length} elements, but its shape [${shape.join(', ')}] says ${length}`
      )
    }
    const { create, read } = conversions[datatype]
    const target = create(length)
    for (const [index, element] of flat.entries()) {
      const value = read(element)
      if (value === undefined) {
        throw new JobFailedError(
          FailureCode.InvalidInput,
          `The tensor ${name} has an element that is no ${datatype}, at ${index}: ${JSON.stringify(element).slice(0, 50)}`
        )
      }
      target[index] = value
    }
    return { name, datatype, shape, data: target }
  })
}

/** The inverse of parseTensors. */
export function formatTensors(tensors: readonly NamedTensor[]): unknown[] {
  return tensors.map(({ name, shape, datatype, data }) => {
    const { write } = conversions[datatype]
    return { name, shape, datatype, data: Array.from<number | bigint | string, Element>(data, write) }
  })
}
