import { expect, test } from 'vitest'
import { meanOfRows, normalised, sigmoid, softmax } from '../../../../models/tools/vectors.js'
import { JobFailedError } from '../../../../src/interface/index.js'

test('vectors: normalised to length 1; a vector without a length is a fault of the model', () => {
  expect(normalised([3, 4])).toEqual([0.6, 0.8])
  for (const broken of [[0, 0], [Number.NaN], [Infinity], []]) {
    expect(() => normalised(broken)).toThrow(JobFailedError)
  }
})

test('vectors: the mean of rows', () => {
  expect(meanOfRows([1, 2, 3, 4, 5, 9], 2)).toEqual([3, 5])
})

test('vectors: softmax sums to 1, whatever the size of the logits', () => {
  const [first = 0, second = 0, third = 0] = softmax([1000, 1000 + Math.log(2), -Infinity])
  expect(first).toBeCloseTo(1 / 3, 12)
  expect(second).toBeCloseTo(2 / 3, 12)
  expect(third).toBe(0)
})

test('vectors: sigmoid', () => {
  const [low = 1, half, high = 0] = sigmoid([-1000, 0, 1000])
  expect([low, half, high]).toEqual([0, 0.5, 1])
})
