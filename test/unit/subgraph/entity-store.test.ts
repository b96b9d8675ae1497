import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Entity } from '../../../node/devnet/subgraph-runner/entity.js'
import { createEntityStore, type EntityStore } from '../../../node/devnet/subgraph-runner/entity-store.js'
import {
  decodeEthereumValue,
  encodeEthereumValue
} from '../../../node/devnet/subgraph-runner/ethereum-value.js'
import { signedFromBytes, signedToBytes } from '../../../node/devnet/subgraph-runner/wasm-heap.js'

const idOf = (number: number) => `0x${number.toString(16).padStart(4, '0')}`
const entityOf = (id: string, value: number): Entity =>
  new Map<string, string | number>([
    ['id', id],
    ['value', value]
  ])

const write = fc.record({ id: fc.nat(12).map(idOf), value: fc.option(fc.nat(99), { nil: undefined }) })
const event = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('commit' as const),
      writes: fc.uniqueArray(write, { selector: one => one.id, maxLength: 4 })
    })
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('rollback' as const), depth: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('prune' as const), keep: fc.nat(6) }) }
)

describe('the entity store', () => {
  it('behavior: it holds what was written, at each block of its history, through rollbacks and pruning', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), events => {
        const store = createEntityStore()
        // The whole state after each block.
        const states: Map<string, Entity>[] = [new Map()]
        let earliest = 0
        for (const change of events) {
          if (change.kind === 'commit') {
            const next = new Map(states.at(-1))
            const writes = change.writes.map(({ id, value }) => {
              const entity = value === undefined ? undefined : entityOf(id, value)
              if (entity === undefined) next.delete(id)
              else next.set(id, entity)
              return { type: 'Thing', id, entity }
            })
            store.commit(states.length, writes)
            states.push(next)
          } else if (change.kind === 'rollback') {
            const to = Math.max(earliest, states.length - 1 - change.depth)
            store.rollback(to)
            states.length = to + 1
          } else {
            earliest = Math.max(earliest, states.length - 1 - change.keep)
            store.prune(earliest)
          }
        }
        for (let block = earliest; block < states.length; block++)
          checkState(store, block, states[block] ?? new Map())
      })
    )
  })

  it('behavior: a page of 100,000 entities costs what it holds, wherever it begins', () => {
    const store = createEntityStore()
    const count = 100_000
    const wide = (number: number) => `0x${number.toString(16).padStart(64, '0')}`
    const writes = Array.from({ length: count }, (_, index) => {
      const id = wide(index + 1)
      return { type: 'Thing', id, entity: entityOf(id, index) }
    })
    store.commit(1, writes)
    let walked = 0
    for (const _entity of store.range('Thing', { after: wide(count - 500), descending: false }, 1)) {
      if (++walked === 300) break
    }
    expect(walked).toBe(300)
    const [first] = store.range('Thing', { after: wide(70_000), descending: false }, 1)
    expect(first?.get('id')).toBe(wide(70_001))
    const [last] = store.range('Thing', { before: wide(70_000), descending: true }, 1)
    expect(last?.get('id')).toBe(wide(69_999))
  })
})

function checkState(store: EntityStore, block: number, state: Map<string, Entity>): void {
  const ids = [...state.keys()].sort()
  const read = (range: object) =>
    [...store.range('Thing', { descending: false, ...range }, block)].map(entity => entity.get('id'))
  expect(read({})).toEqual(ids)
  expect(read({ descending: true })).toEqual([...ids].reverse())
  expect(read({ after: idOf(3), to: idOf(8) })).toEqual(ids.filter(id => id > idOf(3) && id <= idOf(8)))
  expect(read({ from: idOf(3), before: idOf(8) })).toEqual(ids.filter(id => id >= idOf(3) && id < idOf(8)))
  for (const id of ids) expect(store.get('Thing', id, block)).toEqual(state.get(id))
}

describe('values of a mapping', () => {
  it('behavior: a BigInt keeps its value and has no byte too many', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 300n), max: 2n ** 300n }), value => {
        const bytes = signedToBytes(value)
        expect(signedFromBytes(bytes)).toBe(value)
        if (bytes.length > 1) expect(signedFromBytes(bytes.slice(0, -1))).not.toBe(value)
      })
    )
    expect([...signedToBytes(0n)]).toEqual([0])
    expect([...signedToBytes(128n)]).toEqual([128, 0])
    expect([...signedToBytes(-128n)]).toEqual([128])
  })

  it('behavior: what was encoded is decoded, and text that is not UTF-8 is repaired', () => {
    const value = {
      kind: 'tuple' as const,
      values: [
        { kind: 'uint' as const, value: 7n },
        { kind: 'string' as const, value: 'ü' },
        { kind: 'array' as const, values: [{ kind: 'bool' as const, value: true }] },
        { kind: 'fixedBytes' as const, bytes: Buffer.alloc(4, 9) }
      ]
    }
    expect(decodeEthereumValue('(uint256,string,bool[],bytes4)', encodeEthereumValue(value))).toEqual(value)
    const broken = encodeEthereumValue({ kind: 'bytes', bytes: Buffer.from([0x61, 0xff]) })
    expect(decodeEthereumValue('string', broken)).toEqual({ kind: 'string', value: 'a\ufffd' })
  })
})
