import { FailureCode, JobFailedError } from '../../src/interface/index.js'
import { exponential } from './exact-math.js'

/** Arithmetic whose result is the same on every machine: sums in order, and our own exponential. */

/** The vector divided by its length. Throws JobFailedError(ModelFailed) where it has none. */
export function normalised(vector: ArrayLike<number>): number[] {
  const values = Array.from(vector)
  const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
  if (!(length > 0 && Number.isFinite(length))) {
    throw new JobFailedError(FailureCode.ModelFailed, `The model answered a vector of length ${length}`)
  }
  return values.map(value => value / length)
}

/** The mean of the rows of a matrix of `width` columns. */
export function meanOfRows(matrix: ArrayLike<number>, width: number): number[] {
  const rows = matrix.length / width
  return Array.from({ length: width }, (_, column) => {
    let sum = 0
    for (let row = 0; row < rows; row++) {
      sum += matrix[row * width + column] ?? 0
    }
    return sum / rows
  })
}

/** Probabilities that sum to 1. */
export function softmax(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits)
  const most = values.reduce((greatest, value) => Math.max(greatest, value), Number.NEGATIVE_INFINITY)
  const weights = values.map(value => exponential(value - most))
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return weights.map(weight => weight / sum)
}

/** Each on its own: 0 to 1. */
export function sigmoid(logits: ArrayLike<number>): number[] {
  return Array.from(logits, value => 1 / (1 + exponential(-value)))
}
