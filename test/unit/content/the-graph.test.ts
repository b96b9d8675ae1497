import { parse, print } from 'graphql'
import { expect, it } from 'vitest'
import { pinToBlock } from '../../../src/content/locations/the-graph.js'
import { FailureCode } from '../../../src/interface/index.js'

const hash = `0x${'12'.repeat(32)}` as const
const same = (query: string): string => print(parse(query))

it('behavior: every root field of a query is answered as of the job’s block', () => {
  expect(
    pinToBlock(
      `query Best { jobs(first: 2, where: { jobId_gt: "3" }) { id result { id } } other: models { id } ...rest }
       fragment rest on Query { workers { id } ... { results { id } } }
       fragment inner on Job { id }`,
      hash
    )
  ).toBe(
    same(
      `query Best {
         jobs(first: 2, where: { jobId_gt: "3" }, block: { hash: "${hash}" }) { id result { id } }
         other: models(block: { hash: "${hash}" }) { id }
         ...rest
       }
       fragment rest on Query {
         workers(block: { hash: "${hash}" }) { id }
         ... { results(block: { hash: "${hash}" }) { id } }
       }
       fragment inner on Job { id }`
    )
  )
})

it('behavior: a query cannot choose another block', () => {
  const pinned = pinToBlock(
    '{ jobs(block: { number: 1 }, first: 1) { id } _meta(block: { number: 1 }) { block { number } } }',
    hash
  )
  expect(pinned).not.toContain('number: 1')
  expect(pinned.match(/block: \{\s*hash/gu)).toHaveLength(2)
})

it('behavior: what is not one plain query is refused', () => {
  for (const query of [
    '',
    '{',
    'mutation { a }',
    'subscription { a }',
    'query($a: Int) { jobs(first: $a) { id } }',
    'query A { a } query B { b }',
    '{ __schema { types { name } } }',
    'type A { b: Int }',
    `{ ${'a '.repeat(2_000)} }`
  ]) {
    expect(() => pinToBlock(query, hash)).toThrow(
      expect.objectContaining({ failureCode: FailureCode.InvalidInput })
    )
  }
})
