import { ManifestError } from '../../../src/interface/index.js'
import { maxTensorElements, type TensorSummary } from './tensor-check.js'

export interface NodeSummary {
  operator: string
  domain: string
  inputs: string[]
  outputs: string[]
  /** Of a Constant. */
  value: TensorSummary | undefined
}

/** What a graph's names stand for, where they stand for fixed numbers: the graph's own and those of the graphs around it. */
export interface Scope {
  constants: Map<string, TensorSummary>
  outer: Scope | undefined
}

/** Of ONNX itself, and of ONNX Runtime, whose optimised and quantised graphs use its own. */
const domains = new Set(['', 'ai.onnx', 'ai.onnx.ml', 'com.microsoft'])

/**
 * Rule: no graph may draw its own random numbers, as nobody could repeat them. Noise is an input, from the job's seed.
 * Dropout is judged by its input below.
 */
const randomOperators = new Set([
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
  'Multinomial',
  'Bernoulli',
  'Sampling',
  'BiasDropout',
  'BitmaskDropout',
  'BitmaskBiasDropout'
])

/** They read files, or code, that no manifest names. */
const reachingOperators = new Set(['EPContext', 'PyOp', 'CustomOp'])

/** Throws ManifestError for an operator that may not be, or that makes a tensor of fixed and excessive size. */
export function checkNode(node: NodeSummary, scope: Scope): void {
  const { operator, domain } = node
  if (!domains.has(domain)) {
    throw new ManifestError(
      `it uses the operator ${operator.slice(0, 100)} of the domain ${domain.slice(0, 100)}, which is not ONNX's own`
    )
  }
  if (reachingOperators.has(operator)) {
    throw new ManifestError(`it uses the operator ${operator}, which reaches beyond the graph`)
  }
  if (randomOperators.has(operator) || (operator === 'Dropout' && mayTrain(node, scope))) {
    throw new ManifestError(
      `it uses the operator ${operator}, which draws its own random numbers: make the noise an input`
    )
  }
  const {
    value,
    outputs: [output]
  } = node
  if (operator === 'Constant' && value !== undefined && output !== undefined) {
    scope.constants.set(output, value)
  }
  const elements = fixedElements(node, scope)
  if (elements !== undefined && elements > maxTensorElements) {
    throw new ManifestError(
      `its operator ${operator} makes a tensor of ${elements} elements: at most ${maxTensorElements} are taken`
    )
  }
}

function find(scope: Scope | undefined, name: string | undefined): TensorSummary | undefined {
  if (scope === undefined || name === undefined || name === '') {
    return undefined
  }
  return scope.constants.get(name) ?? find(scope.outer, name)
}

/** Its third input turns it on; a graph that was exported to be used leaves it out or sets it to false. */
function mayTrain({ inputs }: NodeSummary, scope: Scope): boolean {
  const [, , training = ''] = inputs
  return training !== '' && find(scope, training)?.integers?.[0] !== 0n
}

/** How many elements the output has, as far as constants tell. */
function fixedElements({ operator, inputs }: NodeSummary, scope: Scope): bigint | undefined {
  const integers = (index: number): readonly bigint[] | undefined => find(scope, inputs[index])?.integers
  const product = (values: readonly bigint[] | undefined): bigint | undefined =>
    values?.reduce((total, value) => total * (value < 1n ? 1n : value), 1n)
  switch (operator) {
    case 'ConstantOfShape':
      return product(integers(0))
    case 'Expand':
    case 'Tile':
    case 'Reshape':
      return product(integers(1))
    case 'OneHot':
      return integers(1)?.[0]
    case 'Pad':
      return integers(1)?.reduce((most, value) => (value > most ? value : most), 0n)
    case 'Resize':
      return product(integers(3))
    case 'Range': {
      const [start, limit, step] = [integers(0)?.[0], integers(1)?.[0], integers(2)?.[0]]
      return start === undefined || limit === undefined || step === undefined || step === 0n
        ? undefined
        : (limit - start) / step
    }
    default:
      return undefined
  }
}
