import { describe, expect, test } from 'vitest'
import { greedyText, normalised } from '../../../models/automatic-speech-recognition/ctc/decode.js'

const tokens = ['<pad>', '<unk>', '|', 'a', 'b', 'l']
const vocabulary = { tokens, blank: 0 }
/** Logits in which each of these tokens is the most probable of its step. */
const logitsOf = (steps: string): number[] =>
  [...steps].flatMap(step => {
    const best = tokens.indexOf({ '-': '<pad>', '?': '<unk>' }[step] ?? step)
    return tokens.map((_, token) => (token === best ? 2 : -1 - token))
  })
const read = (steps: string): string => greedyText(logitsOf(steps), vocabulary)

describe('ctc: the most probable text', () => {
  test('counts repetitions once, unless a blank parts them', () => {
    expect(read('--aaab-b--')).toBe('abb')
    expect(read('ba-l-lll')).toBe('ball')
    expect(read('ball')).toBe('bal')
  })

  test('parts words, without spaces at the ends or twice', () => {
    expect(read('|a||-|b|')).toBe('a b')
  })

  test('leaves special tokens out, which part repetitions as any other', () => {
    expect(read('a?a')).toBe('aa')
  })

  test('is empty for silence, and for nothing', () => {
    expect(read('-----')).toBe('')
    expect(read('')).toBe('')
  })

  test('takes another blank', () => {
    expect(greedyText(logitsOf('a|a'), { tokens, blank: 2 })).toBe('aa')
  })
})

test('ctc: a sound is brought to mean 0 and variance 1', () => {
  const values = normalised(Float32Array.of(1, 3, 5, 7))
  expect(values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 6)
  expect(values.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(4, 5)
  expect([...normalised(new Float32Array(3))]).toEqual([0, 0, 0])
})
