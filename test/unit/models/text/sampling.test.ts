import { expect, test } from 'vitest'
import { chooseToken } from '../../../../models/text-generation/decoder/sampling.js'
import { seededRandom } from '../../../../models/tools/random.js'
import { JobFailedError } from '../../../../src/interface/index.js'

const all = { temperature: 1, topK: 0, topP: 1, repetitionPenalty: 1 }
const logits = Float32Array.of(1, 3, 2, -1, Number.NEGATIVE_INFINITY)

function draws(settings: Partial<typeof all>, count = 2_000, history: number[] = []): number[] {
  const random = seededRandom(Uint8Array.of(7))
  const counts = [0, 0, 0, 0, 0]
  for (let index = 0; index < count; index++) {
    const token = chooseToken(logits, history, { ...all, ...settings }, random)
    counts[token] = (counts[token] ?? 0) + 1
  }
  return counts
}

test('sampling: draws each token as often as its probability says', () => {
  const weights = Array.from(logits, Math.exp)
  const sum = weights.reduce((total, weight) => total + weight)
  for (const [token, count] of draws({}).entries()) {
    // Four standard deviations of the number of hits among 2,000.
    const share = (weights[token] ?? 0) / sum
    expect(Math.abs(count - 2_000 * share)).toBeLessThanOrEqual(4 * Math.sqrt(2_000 * share * (1 - share)))
  }
})

test('sampling: temperature 0 takes the most probable token, and of equal ones the first', () => {
  expect(draws({ temperature: 0 }, 5)).toEqual([0, 5, 0, 0, 0])
  const random = seededRandom(new Uint8Array())
  const equal = Float32Array.of(1, 2, 2)
  expect(chooseToken(equal, [], { ...all, temperature: 0 }, random)).toBe(1)
  expect(chooseToken(equal, [], { ...all, topK: 1 }, random)).toBe(1)
})

test('sampling: a low temperature sharpens, a high one flattens', () => {
  const [, sharp = 0] = draws({ temperature: 0.3 })
  const [, plain = 0] = draws({})
  const [, flat = 0] = draws({ temperature: 5 })
  expect(sharp).toBeGreaterThan(plain)
  expect(plain).toBeGreaterThan(flat)
})

test('sampling: top-k keeps only the most probable', () => {
  const [first, second, third, fourth, fifth] = draws({ topK: 2 })
  expect([first, fourth, fifth]).toEqual([0, 0, 0])
  expect(second).toBeGreaterThan(0)
  expect(third).toBeGreaterThan(0)
})

test('sampling: top-p keeps the fewest that reach the probability', () => {
  // Probabilities: 0.665 (token 1), 0.245 (token 2), 0.090 (token 0), 0.012 (token 3).
  expect(draws({ topP: 0.5 }, 100)).toEqual([0, 100, 0, 0, 0])
  const [first, second, third] = draws({ topP: 0.8 })
  expect(first).toBe(0)
  expect(Math.min(second ?? 0, third ?? 0)).toBeGreaterThan(0)
})

test('sampling: a repetition penalty makes what was said less probable, whatever the sign of its logit', () => {
  const [, before = 0] = draws({})
  const [, after = 0] = draws({ repetitionPenalty: 3 }, 2_000, [1, 1])
  expect(after).toBeLessThan(before / 2)
  const settings = { ...all, temperature: 0, repetitionPenalty: 2 }
  const random = seededRandom(new Uint8Array())
  expect(chooseToken(Float32Array.of(-1, -1.5), [0], settings, random)).toBe(1)
})

test('sampling: the same seed draws the same tokens, another seed others', () => {
  const sequence = (seed: number): number[] => {
    const random = seededRandom(Uint8Array.of(seed))
    return Array.from({ length: 50 }, () => chooseToken(logits, [], all, random))
  }
  expect(sequence(1)).toEqual(sequence(1))
  expect(sequence(1)).not.toEqual(sequence(2))
})

test('sampling: logits that are no numbers are a fault of the model', () => {
  const random = seededRandom(new Uint8Array())
  for (const broken of [Float32Array.of(1, Number.NaN), Float32Array.of(Infinity, 1), new Float32Array()]) {
    expect(() => chooseToken(broken, [], all, random)).toThrow(JobFailedError)
  }
})
