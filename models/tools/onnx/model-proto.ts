/** Field numbers of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto), as far as they are read here. */

export const modelField = { irVersion: 1, graph: 7, opsetImport: 8, trainingInfo: 20, functions: 25 } as const
export const graphField = {
  node: 1,
  initializer: 5,
  input: 11,
  output: 12,
  valueInfo: 13,
  sparseInitializer: 15
} as const
export const nodeField = { input: 1, output: 2, name: 3, opType: 4, attribute: 5, domain: 7 } as const
export const attributeField = {
  name: 1,
  i: 3,
  s: 4,
  tensor: 5,
  graph: 6,
  ints: 8,
  tensors: 10,
  graphs: 11,
  sparseTensor: 22,
  sparseTensors: 23
} as const
export const tensorField = {
  dims: 1,
  dataType: 2,
  floatData: 4,
  int32Data: 5,
  stringData: 6,
  int64Data: 7,
  name: 8,
  rawData: 9,
  doubleData: 10,
  uint64Data: 11,
  externalData: 13,
  dataLocation: 14
} as const
export const sparseTensorField = { values: 1, indices: 2, dims: 3 } as const
export const functionField = { name: 1, node: 7, domain: 10 } as const
export const valueInfoField = { name: 1, type: 2 } as const
export const typeField = { tensor: 1, sequence: 4, map: 5, sparseTensor: 8, optional: 9 } as const
export const tensorTypeField = { elementType: 1, shape: 2 } as const
export const shapeField = { dimension: 1 } as const
export const dimensionField = { value: 1, parameter: 2 } as const
export const entryField = { key: 1, value: 2 } as const
/** TensorProto.DataLocation */
export const externalLocation = 1n

/** TensorProto.DataType */
export const elementType = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13
} as const
