import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Anchor } from '../../../src/db/repositories/cursor.js'
import type { Hex } from '../../../src/interface/bytes.js'
import { compareAnchors, thinAnchors } from '../../../src/subgraph/anchors.js'

const anchor = (block: number, fork = 'a'): Anchor => ({
  id: `0x${block.toString(16).padStart(64, '0')}`,
  blockNumber: block,
  blockHash: `0x${fork.repeat(64)}` as Hex
})

describe('thinAnchors', () => {
  it('behavior: at most two anchors are kept for each power of two of blocks', () => {
    let anchors: Anchor[] = []
    for (let block = 1; block <= 5_000; block++) anchors = thinAnchors([...anchors, anchor(block)])
    expect(anchors.length).toBeLessThanOrEqual(2 * 13)
    expect(anchors.at(-1)).toEqual(anchor(5_000))
    expect(anchors[0]).toEqual(anchor(1))
  })

  it('behavior: a reorg of any depth finds an anchor within four times that depth', () => {
    const pageSizes = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(pageSizes, sizes => {
        let anchors: Anchor[] = []
        let newest = 0
        for (const size of sizes) {
          const page = Array.from({ length: size }, () => anchor(++newest))
          anchors = thinAnchors([...anchors, ...page])
        }
        for (let depth = 1; depth < newest; depth++) {
          const found = anchors.findLast(({ blockNumber }) => blockNumber <= newest - depth)
          expect(newest - (found?.blockNumber ?? 0)).toBeLessThanOrEqual(4 * depth)
        }
      })
    )
  })
})

describe('compareAnchors', () => {
  const stored = [anchor(1), anchor(5), anchor(9)]

  it('behavior: an anchor that stands vouches for all before it', () => {
    expect(compareAnchors(stored, [anchor(9)], 9)).toEqual({ kind: 'intact' })
  })
  it('behavior: an entity in another block is a reorg', () => {
    const found = [anchor(1), anchor(5), anchor(9, 'b')]
    expect(compareAnchors(stored, found, 9)).toEqual({ kind: 'reorg', kept: stored.slice(0, 2) })
  })
  it('behavior: an entity that is gone is a reorg where the subgraph has passed its block', () => {
    expect(compareAnchors(stored, [anchor(1)], 5)).toEqual({ kind: 'reorg', kept: stored.slice(0, 1) })
  })
  it('behavior: an entity above the subgraph is no reorg', () => {
    expect(compareAnchors(stored, [anchor(1), anchor(5)], 8)).toEqual({
      kind: 'behind',
      kept: stored.slice(0, 2)
    })
  })
  it('behavior: where nothing stands, nothing is kept', () => {
    expect(compareAnchors(stored, [], 100)).toEqual({ kind: 'reorg', kept: [] })
  })
})
