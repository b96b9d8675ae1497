import { FailureCode, JobFailedError } from '../../../src/interface/index.js'
import { exponential } from '../../tools/exact-math.js'
import type { SeededRandom } from '../../tools/random.js'

export interface SamplingSettings {
  /** Divides the logits. 0: always the most probable token. */
  temperature: number
  /** Only so many of the most probable tokens are drawn from; 0: all. */
  topK: number
  /** Of these, the fewest that together have at least this probability. */
  topP: number
  /** Divides the logits of tokens that the text has already, or multiplies them where negative. 1: none. */
  repetitionPenalty: number
}

/**
 * Draws the next token, by the rules and in the order of Hugging Face's `generate`: repetition penalty, temperature, top-k,
 * top-p. Takes one `uniform` from `random`, or nothing at temperature 0. Equal logits count in the order of the vocabulary, so
 * that equal logits and equal seeds give equal tokens. Throws JobFailedError(ModelFailed) for logits that are no numbers.
 */
export function chooseToken(
  logits: Float32Array,
  history: readonly number[],
  settings: SamplingSettings,
  random: SeededRandom
): number {
  const penalised = withPenalty(logits, history, settings.repetitionPenalty)
  if (settings.temperature === 0) {
    return indexOfGreatest(penalised)
  }
  const ranked = greatestFirst(penalised, settings.topK)
  const most = penalised[ranked[0] ?? 0] ?? 0
  const weights = Array.from(ranked, token =>
    exponential(((penalised[token] ?? 0) - most) / settings.temperature)
  )
  const kept = nucleus(weights, settings.topP)
  let rest = random.uniform() * sum(weights.slice(0, kept))
  for (let index = 0; index < kept; index++) {
    rest -= weights[index] ?? 0
    if (rest < 0) {
      return ranked[index] ?? 0
    }
  }
  // Rounding may leave a last bit over.
  return ranked[kept - 1] ?? 0
}

function withPenalty(logits: Float32Array, history: readonly number[], penalty: number): Float32Array {
  // Infinite logits would make weights of NaN; -Infinity is how a model forbids a token.
  if (logits.length === 0 || logits.some(value => Number.isNaN(value) || value === Infinity)) {
    throw new JobFailedError(FailureCode.ModelFailed, 'The network answered logits that are no numbers')
  }
  if (penalty === 1) {
    return logits
  }
  const changed = Float32Array.from(logits)
  for (const token of new Set(history)) {
    const value = changed[token] ?? 0
    changed[token] = value < 0 ? value * penalty : value / penalty
  }
  return changed
}

function indexOfGreatest(values: Float32Array): number {
  let best = 0
  for (let index = 1; index < values.length; index++) {
    if ((values[index] ?? 0) > (values[best] ?? 0)) {
      best = index
    }
  }
  return best
}

/** Indices of the `count` greatest values (0: of all), the greatest first. */
function greatestFirst(values: Float32Array, count: number): Uint32Array {
  const order = new Uint32Array(values.length).map((_, index) => index)
  // -Infinity minus itself is NaN, so comparing comes before subtracting.
  order.sort((a, b) => {
    const [left = 0, right = 0] = [values[a], values[b]]
    return left === right ? a - b : left > right ? -1 : 1
  })
  return count === 0 ? order : order.subarray(0, count)
}

/** How many of the weights, which fall, make up `share` of their sum; at least one. */
function nucleus(weights: readonly number[], share: number): number {
  const wanted = share * sum(weights)
  let total = 0
  let count = 0
  while (count < weights.length && (count === 0 || total < wanted)) {
    total += weights[count] ?? 0
    count++
  }
  return count
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
