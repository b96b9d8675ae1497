import { AbiCoder, Interface, id, keccak256 } from 'ethers'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { oracleAbi } from '../../../src/chain/abi/index.js'
import {
  decodeResult,
  encodeCall,
  eventTopic,
  type FunctionArgs,
  parseLog,
  typedContract
} from '../../../src/chain/typed-contract.js'

const nestedAbi = [
  {
    type: 'function',
    name: 'nested',
    stateMutability: 'view',
    inputs: [],
    outputs: [
      {
        name: 'rows',
        type: 'tuple[][2]',
        components: [
          { name: 'small', type: 'uint48' },
          { name: 'wide', type: 'uint56' },
          { name: 'names', type: 'string[]' },
          { name: 'inner', type: 'tuple', components: [{ name: 'note', type: 'string' }] }
        ]
      },
      { name: 'flag', type: 'bool' }
    ]
  },
  { type: 'function', name: 'nothing', stateMutability: 'nonpayable', inputs: [], outputs: [] }
] as const

describe('behavior: the typed layer over ethers', () => {
  test('behavior: arguments, results and events have the types of the ABI', () => {
    expectTypeOf<FunctionArgs<typeof oracleAbi, 'jobStatuses'>>().toEqualTypeOf<
      readonly [readonly bigint[]]
    >()
    const contract = typedContract(`0x${'11'.repeat(20)}`, oracleAbi, { provider: null })
    expectTypeOf(contract.read<'jobStatuses'>).returns.resolves.toEqualTypeOf<readonly number[]>()
    expectTypeOf(contract.read<'price'>).returns.resolves.toEqualTypeOf<bigint>()
    const log = { topics: ['0x'], data: '0x' }
    const failed = parseLog(oracleAbi, 'JobFailed', log)
    expectTypeOf(failed).toEqualTypeOf<
      | { jobId: bigint; worker: `0x${string}`; code: number; reason: string; receipt: `0x${string}` }
      | undefined
    >()
    expect(failed).toBeUndefined()
    // @ts-expect-error an address is not a number
    expect(() => encodeCall(oracleAbi, 'isRegistered', [7])).toThrow()
    // @ts-expect-error there is no such function
    expect(() => encodeCall(oracleAbi, 'jobStatus', [[1n]])).toThrow()
  })

  test('behavior: numbers, objects and broken text come out as documented, at any depth', () => {
    const coder = AbiCoder.defaultAbiCoder()
    const row = 'tuple(uint48,uint56,bytes[],tuple(bytes))[][2]'
    const data = coder.encode(
      [row, 'bool'],
      [[[[1, 2, ['0x61', '0xff'], ['0x62']]], []], true]
    ) as `0x${string}`
    expect(decodeResult(nestedAbi, 'nested', data)).toEqual({
      rows: [[{ small: 1, wide: 2n, names: ['a', '\ufffd'], inner: { note: 'b' } }], []],
      flag: true
    })
    expect(decodeResult(nestedAbi, 'nothing', '0x')).toBeUndefined()
    expect(() => decodeResult(nestedAbi, 'nested', '0x1234')).toThrow()
  })

  test('behavior: a log of another event is none; one with broken data throws', () => {
    const topic = eventTopic(oracleAbi, 'SubmissionRefused')
    expect(topic).toBe(id('SubmissionRefused(uint256,address,uint8)'))
    const topics = [topic, `0x${'00'.repeat(31)}07`, `0x${'00'.repeat(12)}${'ab'.repeat(20)}`]
    expect(parseLog(oracleAbi, 'SubmissionRefused', { topics, data: `0x${'00'.repeat(31)}03` })).toEqual({
      jobId: 7n,
      worker: '0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB',
      status: 3
    })
    expect(() => parseLog(oracleAbi, 'SubmissionRefused', { topics, data: '0x' })).toThrow()
    expect(() => parseLog(oracleAbi, 'SubmissionRefused', { topics: [topic], data: '0x' })).toThrow()
    expect(parseLog(oracleAbi, 'JobSucceeded', { topics, data: '0x' })).toBeUndefined()
  })

  test('behavior: the data of JobCreated is abi.encode of what is not indexed', () => {
    const event = new Interface(oracleAbi).getEvent('JobCreated')
    if (event === null) throw new Error('no JobCreated')
    const rest = [5, '0x5eed', 'ipfs://m', 2, '0x01', 2, 0, 100, 700, 9, 1, keccak256('0x01')]
    const types = event.inputs.filter(input => !input.indexed).map(input => input.type)
    const encoded = new Interface(oracleAbi).encodeEventLog(event, [
      7,
      `0x${'11'.repeat(20)}`,
      `0x${'22'.repeat(20)}`,
      ...rest
    ])
    expect(encoded.data).toBe(AbiCoder.defaultAbiCoder().encode(types, rest))
    expect(parseLog(oracleAbi, 'JobCreated', encoded)).toMatchObject({
      jobId: 7n,
      model: `0x${'11'.repeat(20)}`,
      modelCategory: 5,
      modelConfigLocation: 'ipfs://m',
      createdTimestamp: 100n,
      redundancy: 1
    })
  })
})
