import { ManifestError } from '../../../src/interface/index.js'
import { callCosts, type FunctionCalls } from './function-calls.js'
import {
  attributeField,
  functionField,
  graphField,
  modelField,
  nodeField,
  sparseTensorField
} from './model-proto.js'
import { checkNode, type NodeSummary, type Scope } from './node-check.js'
import { checkDeclaredShape, checkTensor, type TensorSummary } from './tensor-check.js'
import { type ByteSource, type Field, readFields, readIntegers, readText } from './wire.js'

/** Ten times the nodes of the largest exports of language models. */
const maxNodes = 200_000
/** Weights of a graph; above what the largest exports hold. */
const maxTensors = 200_000
/** If, Loop and Scan within each other: exports nest two or three deep. */
const maxDepth = 16
const maxNameBytes = 1_000
const maxInputs = 10_000
/** Of a list of integers in an attribute; a shape takes far less. */
const maxReadBytes = 640

interface Walk {
  source: ByteSource
  nodes: number
  tensors: number
  externalFiles: Set<string>
  /** Operators that the model defines itself: `domain:name`. */
  functions: Map<string, FunctionCalls>
}

/** Checks a ModelProto. Throws ManifestError, whose message completes "the graph is refused:". */
export function checkGraphFields(source: ByteSource): { externalFiles: Set<string> } {
  const walk: Walk = { source, nodes: 0, tensors: 0, externalFiles: new Set(), functions: new Map() }
  if (Buffer.from(source.read(4, 4)).toString('latin1') === 'ORTM') {
    throw new ManifestError("it is in ONNX Runtime's own format: export it as ONNX")
  }
  const graphs: Field[] = []
  const functions: Field[] = []
  let hasVersion = false
  for (const field of readFields(source, 0, source.sizeBytes)) {
    if (field.number === modelField.irVersion) {
      hasVersion = true
    } else if (field.number === modelField.graph) {
      graphs.push(field)
    } else if (field.number === modelField.functions) {
      functions.push(field)
    } else if (field.number === modelField.trainingInfo) {
      throw new ManifestError('it holds steps of a training')
    }
  }
  const [graph] = graphs
  if (graph === undefined || graphs.length > 1 || !hasVersion) {
    throw new ManifestError('it is no ONNX file, or only a part of one')
  }
  // Their names first: they may use each other.
  for (const field of functions) {
    walk.functions.set(functionName(source, field), { calls: [], nodes: 0 })
  }
  for (const field of functions) {
    checkFunction(walk, field)
  }
  const calls: FunctionCalls = { calls: [], nodes: 0 }
  checkGraphProto(walk, graph, undefined, 1, calls)
  const total = callCosts(walk.functions, calls)
  if (total > maxNodes) {
    throw new ManifestError(`it has ${total} nodes: at most ${maxNodes} are taken`)
  }
  return { externalFiles: walk.externalFiles }
}

function functionName(source: ByteSource, field: Field): string {
  let name = ''
  let domain = ''
  for (const part of readFields(source, field.start, field.end)) {
    if (part.number === functionField.name) {
      name = readText(source, part, maxNameBytes)
    } else if (part.number === functionField.domain) {
      domain = readText(source, part, maxNameBytes)
    }
  }
  return `${domain}:${name}`
}

function checkFunction(walk: Walk, field: Field): void {
  const calls = walk.functions.get(functionName(walk.source, field)) ?? { calls: [], nodes: 0 }
  const scope: Scope = { constants: new Map(), outer: undefined }
  for (const part of readFields(walk.source, field.start, field.end)) {
    if (part.number === functionField.node) {
      checkNodeProto(walk, part, scope, 1, calls)
    }
  }
}

function checkGraphProto(
  walk: Walk,
  field: Field,
  outer: Scope | undefined,
  depth: number,
  calls: FunctionCalls
): void {
  if (depth > maxDepth) {
    throw new ManifestError(`its graphs nest more than ${maxDepth} deep`)
  }
  const { source } = walk
  const scope: Scope = { constants: new Map(), outer }
  const nodes: Field[] = []
  for (const part of readFields(source, field.start, field.end)) {
    switch (part.number) {
      case graphField.initializer: {
        const tensor = readTensor(walk, part)
        scope.constants.set(tensor.name, tensor)
        break
      }
      case graphField.sparseInitializer:
        checkSparseTensor(walk, part)
        break
      case graphField.input:
      case graphField.output:
      case graphField.valueInfo:
        countTensor(walk)
        checkDeclaredShape(source, part)
        break
      case graphField.node:
        // Initialisers may follow the nodes that use them.
        nodes.push(part)
        if (nodes.length > maxNodes) {
          throw new ManifestError(`it has more than ${maxNodes} nodes, the most that are taken`)
        }
        break
    }
  }
  for (const node of nodes) {
    checkNodeProto(walk, node, scope, depth, calls)
  }
}

function checkNodeProto(walk: Walk, field: Field, scope: Scope, depth: number, calls: FunctionCalls): void {
  const { source } = walk
  walk.nodes++
  calls.nodes++
  if (walk.nodes > maxNodes) {
    throw new ManifestError(`it has more than ${maxNodes} nodes, the most that are taken`)
  }
  const node: NodeSummary = { operator: '', domain: '', inputs: [], outputs: [], value: undefined }
  const graphs: Field[] = []
  for (const part of readFields(source, field.start, field.end)) {
    switch (part.number) {
      case nodeField.input:
      case nodeField.output:
        ;(part.number === nodeField.input ? node.inputs : node.outputs).push(
          readText(source, part, maxNameBytes)
        )
        if (node.inputs.length + node.outputs.length > maxInputs) {
          throw new ManifestError(`a node has more than ${maxInputs} inputs and outputs`)
        }
        break
      case nodeField.opType:
        node.operator = readText(source, part, maxNameBytes)
        break
      case nodeField.domain:
        node.domain = readText(source, part, maxNameBytes)
        break
      case nodeField.attribute:
        readAttribute(walk, part, node, graphs)
        break
    }
  }
  const ownFunction = `${node.domain}:${node.operator}`
  if (walk.functions.has(ownFunction)) {
    calls.calls.push(ownFunction)
  } else {
    checkNode(node, scope)
  }
  for (const graph of graphs) {
    checkGraphProto(walk, graph, scope, depth + 1, calls)
  }
}

function readAttribute(walk: Walk, field: Field, node: NodeSummary, graphs: Field[]): void {
  const { source } = walk
  let name = ''
  let integers: bigint[] | undefined
  const tensors: TensorSummary[] = []
  for (const part of readFields(source, field.start, field.end)) {
    switch (part.number) {
      case attributeField.name:
        name = readText(source, part, maxNameBytes)
        break
      case attributeField.i:
      case attributeField.ints:
        // Long lists are of operators that this check need not understand.
        if (part.integer !== undefined || part.end - part.start <= maxReadBytes) {
          integers = [...(integers ?? []), ...readIntegers(source, part, maxReadBytes)].slice(0, maxReadBytes)
        }
        break
      case attributeField.tensor:
      case attributeField.tensors:
        tensors.push(readTensor(walk, part))
        break
      case attributeField.sparseTensor:
      case attributeField.sparseTensors:
        checkSparseTensor(walk, part)
        break
      case attributeField.graph:
      case attributeField.graphs:
        graphs.push(part)
        break
    }
  }
  const [tensor] = tensors
  if (tensor !== undefined && name === 'value') {
    node.value = tensor
  } else if (integers !== undefined && (name === 'value_int' || name === 'value_ints')) {
    node.value = { name: '', elements: BigInt(integers.length), integers, externalFile: undefined }
  }
}

function readTensor(walk: Walk, field: Field): TensorSummary {
  countTensor(walk)
  const tensor = checkTensor(walk.source, field)
  if (tensor.externalFile !== undefined) {
    walk.externalFiles.add(tensor.externalFile)
  }
  return tensor
}

function countTensor(walk: Walk): void {
  walk.tensors++
  if (walk.tensors > maxTensors) {
    throw new ManifestError(`it holds more than ${maxTensors} tensors, the most that are taken`)
  }
}

/** Its dense form must stay within the limit, too: the runtime makes it. */
function checkSparseTensor(walk: Walk, field: Field): void {
  for (const part of readFields(walk.source, field.start, field.end)) {
    if (part.number === sparseTensorField.values || part.number === sparseTensorField.indices) {
      readTensor(walk, part)
    }
  }
  checkTensor(walk.source, field, { dimsField: sparseTensorField.dims, shapeOnly: true })
}
