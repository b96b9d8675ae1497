import { expect, test } from 'vitest'
import { integerTensor, tokenFeeds } from '../../../../models/tools/token-feeds.js'
import { type TokenizerLibrary, textTokenizer } from '../../../../models/tools/tokenizer.js'
import { ManifestError } from '../../../../src/interface/index.js'
import { fakeGraph } from './fake-graph.js'

/** A token a letter, 1 before and 2 after the text. */
const library: TokenizerLibrary = {
  encode(text, options) {
    const inner = Array.from(text, letter => letter.codePointAt(0) ?? 0)
    return { ids: options?.add_special_tokens === false ? inner : [1, ...inner, 2] }
  },
  decode: tokens => String.fromCodePoint(...tokens.filter(token => token > 2))
}

test('tokenizer: a text that is too long loses its end, and keeps its special tokens', () => {
  const tokenizer = textTokenizer(library)
  expect(tokenizer.encode('abc')).toEqual([1, 97, 98, 99, 2])
  expect(tokenizer.encode('abc', 5)).toEqual([1, 97, 98, 99, 2])
  expect(tokenizer.encode('abcdef', 4)).toEqual([1, 97, 98, 2])
  expect(tokenizer.encode('abcdef', 2)).toEqual([1, 2])
  expect(tokenizer.encode('abcdef', 1)).toEqual([1])
})

test('tokenizer: decodes without special tokens', () => {
  expect(textTokenizer(library).decode([1, 97, 98, 2])).toBe('ab')
})

test('token feeds: a graph is given the inputs that it has, in their types', () => {
  const bert = fakeGraph({ inputs: { input_ids: 'int64', attention_mask: 'int64', token_type_ids: 'int32' } })
  const feeds = tokenFeeds(bert, [5, 6, 7])
  expect(Object.keys(feeds)).toEqual(['input_ids', 'attention_mask', 'token_type_ids'])
  expect(feeds['input_ids']?.data).toEqual(BigInt64Array.of(5n, 6n, 7n))
  expect(feeds['attention_mask']?.data).toEqual(BigInt64Array.of(1n, 1n, 1n))
  expect(feeds['token_type_ids']?.data).toEqual(Int32Array.of(0, 0, 0))
  expect(feeds['input_ids']?.dims).toEqual([1, 3])
  expect(
    tokenFeeds(fakeGraph({ inputs: { input_ids: 'int32', position_ids: 'int64' } }), [5, 6])
  ).toMatchObject({
    position_ids: { data: BigInt64Array.of(0n, 1n) }
  })
})

test('token feeds: a graph without token numbers, or with odd ones, is refused', () => {
  expect(() => tokenFeeds(fakeGraph({ inputs: { pixel_values: 'float32' } }), [1])).toThrow(ManifestError)
  expect(() => integerTensor(fakeGraph({ inputs: { input_ids: 'float32' } }), 'input_ids', [1])).toThrow(
    /float32/u
  )
})
