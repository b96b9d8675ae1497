import { describe, expect, test } from 'vitest'
import { cosineOfTurn, exponential, naturalLogarithm, sineOfTurn } from '../../../models/tools/exact-math.js'
import { seededRandom } from '../../../models/tools/random.js'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const seeded = (seed: string) => seededRandom(Buffer.from(seed, 'hex'))
const numbers = <T>(count: number, next: () => T): T[] => Array.from({ length: count }, next)

/** Made by another program: SHA-256 of Python's hashlib, and ChaCha20 written from RFC 8439. */
const vectors = [
  {
    seed: '',
    first: '062918eea33d37bbe80d70c7572fe353',
    at4096: 'bc9e509dd3d57af0d58e22ed57aa87e7',
    uint32: [3994560774, 3140959651, 3346009576, 1407397719],
    uniform: [0.9300561601766322, 0.7790535638308921],
    normal: [0.4187216786764204, -2.268214595261669, 1.254132328622966, 2.3415888481418485]
  },
  {
    seed: '00',
    first: '5350d5e81538fef7ac368f991cce318a',
    at4096: '842695bd624b5c91d0652c0f2429e85c',
    uint32: [3906293843, 4160632853, 2576299692, 2318519836],
    uniform: [0.9095049125606032, 0.5998415167616491],
    normal: [-1.7746575950871148, -1.2866661744889503, 0.5267157870803221, 0.4405270494159471]
  },
  {
    seed: '1234',
    first: '5c7d62af5ed7a6fbbb1f9ac7fae51194',
    at4096: '2ab0dc0b009ff94103d6ee4b8815be84',
    uint32: [2942467420, 4222015326, 3348766651, 2484200954],
    uniform: [0.6850965841339122, 0.7796954928219176],
    normal: [0.28199771692719783, -1.4938058423335676, 0.04931584321572543, -0.42663237069340737]
  }
]

describe.each(vectors)('random: seed "$seed"', vector => {
  test('gives the bytes and numbers of another implementation', () => {
    const bytes = seeded(vector.seed).bytes(4112)
    expect(hex(bytes.subarray(0, 16))).toBe(vector.first)
    expect(hex(bytes.subarray(4096))).toBe(vector.at4096)
    expect(numbers(4, seeded(vector.seed).uint32)).toEqual(vector.uint32)
    expect(numbers(2, seeded(vector.seed).uniform)).toEqual(vector.uniform)
  })

  test('gives the normal numbers of another mathematical library, to 14 digits', () => {
    for (const [index, normal] of numbers(4, seeded(vector.seed).normal).entries()) {
      expect(normal).toBeCloseTo(vector.normal[index] ?? Number.NaN, 13)
    }
  })
})

test('random: the bits of normal numbers are fixed, by plain arithmetic alone', () => {
  const { normals } = seeded('1234')
  expect(hex(new Uint8Array(normals(1000).buffer).subarray(-16))).toBe('83487abfca878a3f05d1aa3e170126c0')
  expect([...seeded('1234').normals(5)]).toEqual(numbers(5, seeded('1234').normal).map(Math.fround))
})

test('random: every bit of the seed, and its length, counts', () => {
  const seed = new Uint8Array(32)
  const streams = new Set([
    hex(seededRandom(seed).bytes(32)),
    hex(seededRandom(new Uint8Array(31)).bytes(32))
  ])
  for (let bit = 0; bit < 256; bit++) {
    const changed = Uint8Array.from(seed)
    changed[bit >> 3] = 1 << (bit & 7)
    streams.add(hex(seededRandom(changed).bytes(32)))
  }
  expect(streams.size).toBe(258)
})

test('random: integers are spread evenly, also where 2^32 is no multiple', () => {
  const { integer } = seeded('05')
  const counts = [0, 0, 0]
  for (let drawn = 0; drawn < 30_000; drawn++) {
    const value = integer(3)
    counts[value] = (counts[value] ?? 0) + 1
  }
  // Five deviations of a binomial distribution of 30,000 tries at a third.
  expect(Math.max(...counts.map(count => Math.abs(count - 10_000)))).toBeLessThan(5 * 82)
  // Half of all values are beyond the greatest multiple of this bound: they are drawn again.
  expect(numbers(1000, () => integer(2 ** 31 + 1)).every(value => value <= 2 ** 31)).toBe(true)
  for (const bound of [0, -1, 1.5, 2 ** 32 + 1, Number.NaN]) {
    expect(() => integer(bound)).toThrow(RangeError)
  }
})

test('random: normal numbers have mean 0 and deviation 1', () => {
  const sample = seeded('77').normals(40_000)
  const mean = sample.reduce((sum, value) => sum + value, 0) / sample.length
  const variance = sample.reduce((sum, value) => sum + (value - mean) ** 2, 0) / sample.length
  expect(Math.abs(mean)).toBeLessThan(5 / Math.sqrt(40_000))
  expect(Math.abs(variance - 1)).toBeLessThan(5 * Math.sqrt(2 / 40_000))
})

test('exact functions: agree with the mathematical library to its last digits', () => {
  const { uniform } = seeded('0f')
  for (let index = 0; index < 5_000; index++) {
    const value = uniform()
    expect(naturalLogarithm(value * 10) / Math.log(value * 10)).toBeCloseTo(1, 13)
    expect(sineOfTurn(value)).toBeCloseTo(Math.sin(2 * Math.PI * value), 14)
    expect(cosineOfTurn(value)).toBeCloseTo(Math.cos(2 * Math.PI * value), 14)
    expect(exponential(value * 200 - 100) / Math.exp(value * 200 - 100)).toBeCloseTo(1, 13)
  }
  expect(naturalLogarithm(1)).toBe(0)
  expect([exponential(0), exponential(-800), exponential(800)]).toEqual([1, 0, Number.POSITIVE_INFINITY])
  expect([0, 0.25, 0.5, 0.75].map(sineOfTurn).map(Math.round)).toEqual([0, 1, -0, -1])
})
