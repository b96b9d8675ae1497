import { fromHalf } from '../../../models/tools/half.js'
import type { NamedTensor } from '../../../models/tools/open-inference.js'

/** As ONNX's own runner has them. */
const relativeTolerance = 1e-3
const absoluteTolerance = 1e-7

/** In what two tensors differ, in words; undefined where they agree as numpy's `assert_allclose` sees it. */
export function tensorDifference(found: NamedTensor | undefined, expected: NamedTensor): string | undefined {
  if (found === undefined) {
    return `there is no output ${expected.name}`
  }
  if (found.datatype !== expected.datatype) {
    return `${expected.name} is ${found.datatype} instead of ${expected.datatype}`
  }
  if (found.shape.join() !== expected.shape.join()) {
    return `${expected.name} has the shape [${found.shape.join(', ')}] instead of [${expected.shape.join(', ')}]`
  }
  for (let index = 0; index < expected.data.length; index++) {
    const [left, right] = [elementOf(found, index), elementOf(expected, index)]
    if (!isClose(left, right)) {
      return `${expected.name}[${index}] is ${left} instead of ${right}`
    }
  }
  return undefined
}

function elementOf({ datatype, data }: NamedTensor, index: number): number | bigint | string {
  const element = data[index] ?? 0
  return datatype === 'FP16' ? fromHalf(Number(element)) : element
}

function isClose(found: number | bigint | string, expected: number | bigint | string): boolean {
  if (typeof found !== 'number' || typeof expected !== 'number') {
    return found === expected
  }
  if (Number.isNaN(expected) || !Number.isFinite(expected) || !Number.isFinite(found)) {
    return Object.is(found, expected)
  }
  return Math.abs(found - expected) <= absoluteTolerance + relativeTolerance * Math.abs(expected)
}
