import { describe, expect, test } from 'vitest'
import { decoderNetwork } from '../../../../models/text-generation/decoder/network.js'
import { toHalf } from '../../../../models/tools/half.js'
import { Tensor } from '../../../../models/tools/onnx.js'
import { ManifestError } from '../../../../src/interface/index.js'
import { type FakeGraphInit, fakeGraph } from './fake-graph.js'

const [heads, headSize, vocabulary] = [2, 3, 10]
const cacheNames = ['0.key', '0.value', '1.key', '1.value']
const cacheShape = ['batch', heads, 'past', headSize]

interface Seen {
  tokens: number[]
  mask: number[] | undefined
  positions: number[] | undefined
  past: number | undefined
  cacheBranch: boolean | undefined
}

/**
 * A decoder whose logits are the sum of all tokens so far, at that token: a wrong cache gives a wrong answer. Its cache keeps
 * the running sum in each number.
 */
function summingDecoder(
  more: FakeGraphInit['inputs'],
  { cache = true, half = false } = {}
): { graph: ReturnType<typeof fakeGraph>; seen: Seen[] } {
  const seen: Seen[] = []
  const type = half ? 'float16' : 'float32'
  const pasts = cache ? cacheNames.map(name => `past_key_values.${name}`) : []
  const numbers = (tensor: Tensor | undefined): number[] | undefined =>
    tensor === undefined ? undefined : Array.from(tensor.data as ArrayLike<bigint>, Number)
  const graph = fakeGraph({
    inputs: { input_ids: 'int64', ...more, ...Object.fromEntries(pasts.map(name => [name, type] as const)) },
    shapes: Object.fromEntries(pasts.map(name => [name, cacheShape])),
    outputs: ['logits', ...(cache ? cacheNames.map(name => `present.${name}`) : [])],
    run(feeds) {
      const tokens = numbers(feeds['input_ids']) ?? []
      const past = feeds['past_key_values.1.value']
      seen.push({
        tokens,
        mask: numbers(feeds['attention_mask']),
        positions: numbers(feeds['position_ids']),
        past: past?.dims[2],
        cacheBranch: feeds['use_cache_branch'] && feeds['use_cache_branch'].data[0] === 1
      })
      const before = past === undefined ? [] : Array.from(past.data as ArrayLike<number>)
      const sum = tokens.reduce((total, token) => total + token, half ? 0 : (before[0] ?? 0))
      const length = (past?.dims[2] ?? 0) + tokens.length
      const size = heads * length * headSize
      const data = half ? new Uint16Array(size) : new Float32Array(size).fill(sum)
      const present = (): Tensor =>
        half
          ? new Tensor('float16', data as Uint16Array, [1, heads, length, headSize])
          : new Tensor('float32', data as Float32Array, [1, heads, length, headSize])
      const rows = Array.from({ length: tokens.length * vocabulary }, (_, index) =>
        index === (tokens.length - 1) * vocabulary + (sum % vocabulary) ? 1.5 : 0
      )
      const logits = half
        ? new Tensor('float16', Uint16Array.from(rows, toHalf), [1, tokens.length, vocabulary])
        : new Tensor('float32', Float32Array.from(rows), [1, tokens.length, vocabulary])
      return { logits, ...Object.fromEntries(cacheNames.map(name => [`present.${name}`, present()])) }
    }
  })
  return { graph, seen }
}

const best = (logits: Float32Array): number => logits.indexOf(Math.max(...logits))

describe('decoder network', () => {
  test('cache: after the prompt only new tokens are fed, with mask and positions of the whole', async () => {
    const { graph, seen } = summingDecoder({ attention_mask: 'int64', position_ids: 'int64' })
    const state = decoderNetwork(graph, heads, headSize).start()
    expect(best(await state.read([1, 2, 3]))).toBe(6)
    expect(best(await state.read([2]))).toBe(8)
    expect(best(await state.read([1]))).toBe(9)
    expect(seen).toMatchObject([
      { tokens: [1, 2, 3], mask: [1, 1, 1], positions: [0, 1, 2], past: 0 },
      { tokens: [2], mask: [1, 1, 1, 1], positions: [3], past: 3 },
      { tokens: [1], mask: [1, 1, 1, 1, 1], positions: [4], past: 4 }
    ])
  })

  test('cache: each text starts anew', async () => {
    const { graph } = summingDecoder({ attention_mask: 'int64' })
    const network = decoderNetwork(graph, heads, headSize)
    const [first, second] = [network.start(), network.start()]
    await first.read([5])
    expect(best(await second.read([1]))).toBe(1)
    expect(best(await first.read([1]))).toBe(6)
  })

  test('merged: the branch with cache is taken from the second step on', async () => {
    const { graph, seen } = summingDecoder({ use_cache_branch: 'bool' })
    const state = decoderNetwork(graph, heads, headSize).start()
    await state.read([1, 2])
    expect(best(await state.read([4]))).toBe(7)
    expect(seen.map(({ cacheBranch }) => cacheBranch)).toEqual([false, true])
  })

  test('no cache: the whole text is fed each time', async () => {
    const { graph, seen } = summingDecoder({ attention_mask: 'int64' }, { cache: false })
    const state = decoderNetwork(graph, heads, headSize).start()
    await state.read([1, 2])
    expect(best(await state.read([4]))).toBe(7)
    expect(seen.map(({ tokens }) => tokens)).toEqual([
      [1, 2],
      [1, 2, 4]
    ])
  })

  test('half precision: cache and logits may be float16', async () => {
    const { graph, seen } = summingDecoder({}, { half: true })
    const state = decoderNetwork(graph, heads, headSize).start()
    expect(await state.read([1, 2])).toEqual(
      Float32Array.from({ length: 10 }, (_, at) => (at === 3 ? 1.5 : 0))
    )
    await state.read([4])
    expect(seen.map(({ past }) => past)).toEqual([0, 2])
  })

  test('graphs of another kind are refused', () => {
    const cache = { 'past_key_values.0.key': 'float32' } as const
    const others: FakeGraphInit[] = [
      { inputs: { pixel_values: 'float32' } },
      { inputs: { input_ids: 'int64', encoder_hidden_states: 'float32' }, outputs: ['logits'] },
      { inputs: { input_ids: 'int64' }, outputs: ['last_hidden_state'] },
      { inputs: { input_ids: 'int64', ...cache }, outputs: ['logits'] }
    ]
    for (const init of others) {
      expect(() => decoderNetwork(fakeGraph(init), heads, headSize)).toThrow(ManifestError)
    }
    const flat = fakeGraph({
      inputs: { input_ids: 'int64', ...cache },
      shapes: { 'past_key_values.0.key': ['batch', 'past', 64] },
      outputs: ['logits', 'present.0.key']
    })
    expect(() => decoderNetwork(flat, heads, headSize).start()).toThrow(/batch × heads/u)
  })

  test('a cache that does not grow with the text is refused', async () => {
    const { graph } = summingDecoder({ attention_mask: 'int64' })
    const stuck = {
      ...graph,
      run: async () => {
        const present = new Tensor('float32', new Float32Array(6), [1, heads, 1, headSize])
        return Object.fromEntries(cacheNames.map(name => [`present.${name}`, present]))
      }
    }
    await expect(decoderNetwork(stuck, heads, headSize).start().read([1, 2])).rejects.toThrow(ManifestError)
  })
})
