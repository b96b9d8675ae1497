import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Anchor, Cursor } from '../../../src/db/repositories/cursor.js'
import type { Hex } from '../../../src/interface/bytes.js'
import { SubgraphUnavailableError } from '../../../src/interface/errors.js'
import type { EntitySource } from '../../../src/subgraph/client.js'
import { pagedReader } from '../../../src/subgraph/paged-reader.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { silentLogger } from '../../helpers/silent-logger.js'

const idOf = (number: number): Hex => `0x${number.toString(16).padStart(64, '0')}`

/** A chain whose blocks hold entities with consecutive ids, as the Oracle's jobs are. */
function fakeChain() {
  let blocks: { hash: Hex; entities: number }[] = []
  let forks = 0
  const hash = (number: number): Hex =>
    `0x${(++forks).toString(16).padStart(32, '0')}${number.toString(16).padStart(32, '0')}`

  /** What an indexer that is `lag` blocks behind would hold. */
  function entities(lag = 0): Anchor[] {
    const found: Anchor[] = []
    for (const [number, block] of blocks.slice(0, Math.max(0, blocks.length - lag)).entries()) {
      for (let index = 0; index < block.entities; index++) {
        found.push({ id: idOf(found.length + 1), blockNumber: number, blockHash: block.hash })
      }
    }
    return found
  }

  return {
    entities,
    height: () => blocks.length,
    mine: (count: number) => blocks.push({ hash: hash(blocks.length), entities: count }),
    revert: (depth: number) => {
      blocks = blocks.slice(0, Math.max(0, blocks.length - depth))
    }
  }
}

interface Faults {
  lag: number
  fail: boolean
  hide: number | undefined
  hasIndexingErrors: boolean
}

function setup(pageSize = 10) {
  const chain = fakeChain()
  const clock = manualClock()
  const said: { level: string; message: string; fields: object }[] = []
  const faults: Faults = { lag: 0, fail: false, hide: undefined, hasIndexingErrors: false }
  /** What the consumer stored: entity id -> block hash. */
  const stored = new Map<Hex, Hex>()
  const rewinds: (Hex | undefined)[] = []
  let cursor: Cursor | undefined
  let requests = 0
  let failWrites = 0
  const space = { rows: Number.POSITIVE_INFINITY }

  const visible = () => {
    requests++
    if (faults.fail) throw new SubgraphUnavailableError('down')
    return chain.entities(faults.lag).filter(entity => entity.id !== idOf(faults.hide ?? 0))
  }
  const head = () => ({
    blockNumber: Math.max(0, chain.height() - 1 - faults.lag),
    hasIndexingErrors: faults.hasIndexingErrors
  })
  const source: EntitySource<Anchor> = {
    async page({ after, first }) {
      const all = visible()
      const rows = all.filter(entity => entity.id > (after ?? '')).slice(0, first)
      return { head: head(), anchor: all.find(entity => entity.id === after), rows }
    },
    async anchors(ids) {
      return { head: head(), anchors: visible().filter(entity => ids.includes(entity.id)) }
    }
  }
  const write = async (change: () => void, next: Cursor) => {
    if (failWrites-- > 0) throw new Error('disk full')
    change()
    cursor = structuredClone(next)
  }
  const newReader = () =>
    pagedReader<Anchor>({
      what: 'jobs',
      pageSize,
      room: () => space.rows - stored.size,
      follows: (before, row) => BigInt(row.id) === BigInt(before) + 1n,
      onRows: (rows, next) =>
        write(() => {
          for (const row of rows) stored.set(row.id, row.blockHash)
        }, next),
      onRewind: (last, next) =>
        write(() => {
          rewinds.push(last)
          for (const id of [...stored.keys()]) if (last === undefined || id > last) stored.delete(id)
        }, next)
    })({ source, loadCursor: async () => cursor, logger: silentLogger(said), clock, random: () => 0.5 })

  const expected = () => new Map(chain.entities().map(entity => [entity.id, entity.blockHash]))
  return {
    chain,
    clock,
    said,
    faults,
    stored,
    space,
    rewinds,
    newReader,
    expected,
    requests: () => requests,
    failWrites: (count: number) => {
      failWrites = count
    }
  }
}

describe('pagedReader', () => {
  it('behavior: full pages follow each other at once, and then it polls', async () => {
    const { chain, clock, stored, expected, newReader, requests } = setup()
    for (let block = 0; block < 5; block++) chain.mine(7)
    const reader = newReader()
    await reader.start()
    await clock.advance(0)
    expect(stored).toEqual(expected())
    expect(requests()).toBe(4)
    await clock.advance(499)
    expect(requests()).toBe(4)
    chain.mine(1)
    await clock.advance(1)
    expect(stored).toEqual(expected())
    expect(reader.head()?.blockNumber).toBe(5)
    await reader.stop()
  })

  it('behavior: no more is read than there is room for, and a reorg is seen all the same', async () => {
    const { chain, clock, stored, space, expected, newReader } = setup()
    for (let block = 0; block < 5; block++) chain.mine(7)
    space.rows = 24
    const reader = newReader()
    await reader.start()
    await clock.advance(2_000)
    expect(stored.size).toBe(24)
    chain.revert(3)
    chain.mine(1)
    await clock.advance(2_000)
    expect(stored).toEqual(expected())
    for (let block = 0; block < 3; block++) chain.mine(7)
    await clock.advance(2_000)
    expect(stored.size).toBe(24)
    space.rows = 100
    await clock.advance(2_000)
    expect(stored).toEqual(expected())
    await reader.stop()
  })

  it('behavior: after a reorg it reads again in time, though the clock was set back', async () => {
    const { chain, clock, stored, expected, newReader } = setup()
    for (let block = 0; block < 5; block++) chain.mine(1)
    const reader = newReader()
    await reader.start()
    await clock.advance(0)
    chain.revert(2)
    await clock.advance(500)
    clock.step(-3_600_000)
    await clock.advance(5_000)
    expect(stored).toEqual(expected())
    await reader.stop()
  })

  it('behavior: no entity is left out or kept wrongly, whatever reorgs, restarts, outages and lag come', async () => {
    const event = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('mine' as const), count: fc.nat(25) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('revert' as const), count: fc.nat(6) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), count: fc.constant(0) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('outage' as const), count: fc.constant(0) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('diskFull' as const), count: fc.nat(2) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('lag' as const), count: fc.nat(3) }) },
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant('wait' as const),
          count: fc.integer({ min: 1, max: 4_000 })
        })
      }
    )
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 40 }), async events => {
        const { chain, clock, faults, stored, expected, newReader, failWrites } = setup()
        let reader = newReader()
        await reader.start()
        for (const { kind, count } of events) {
          if (kind === 'mine') chain.mine(count)
          else if (kind === 'revert') chain.revert(count)
          else if (kind === 'outage') faults.fail = true
          else if (kind === 'diskFull') failWrites(count)
          else if (kind === 'lag') faults.lag = count
          else if (kind === 'wait') {
            await clock.advance(count)
            faults.fail = false
          } else {
            await reader.stop()
            reader = newReader()
            await reader.start()
          }
        }
        Object.assign(faults, { fail: false, lag: 0 })
        await clock.advance(30_000)
        expect(stored).toEqual(expected())
        await reader.stop()
      }),
      { numRuns: 150 }
    )
  })

  it('behavior: a reorg is reported from the newest entity that still stands, and what was read after it is read again', async () => {
    const { chain, clock, stored, rewinds, expected, newReader } = setup()
    for (let block = 0; block < 9; block++) chain.mine(1)
    const reader = newReader()
    await reader.start()
    await clock.advance(0)
    chain.revert(1)
    chain.mine(2)
    await clock.advance(500)
    expect(rewinds).toEqual([idOf(8)])
    expect(stored).toEqual(expected())
    await reader.stop()
  })

  it('behavior: a restarted reader goes on where it was', async () => {
    const { chain, clock, newReader, requests } = setup()
    for (let block = 0; block < 4; block++) chain.mine(10)
    const first = newReader()
    await first.start()
    await clock.advance(0)
    await first.stop()
    const before = requests()
    const second = newReader()
    await second.start()
    await clock.advance(0)
    expect(requests()).toBe(before + 1)
    await second.stop()
  })

  it('behavior: an endpoint that is behind for a moment is not taken for a reorg', async () => {
    const { chain, clock, faults, rewinds, stored, expected, newReader } = setup()
    for (let block = 0; block < 5; block++) chain.mine(1)
    const reader = newReader()
    await reader.start()
    await clock.advance(0)
    faults.lag = 2
    await clock.advance(2_500)
    faults.lag = 0
    chain.mine(1)
    await clock.advance(500)
    expect(rewinds).toEqual([])
    expect(stored).toEqual(expected())
    await reader.stop()
  })

  it('behavior: an outage is logged once, retried with back-off up to 10 s, and its end is logged', async () => {
    const { chain, clock, faults, said, stored, expected, newReader, requests } = setup()
    faults.fail = true
    const reader = newReader()
    await reader.start()
    await clock.advance(60_000)
    // 187 ms, doubled each time up to 7.5 s.
    expect(requests()).toBe(13)
    expect(said.filter(({ level }) => level === 'warn')).toHaveLength(1)
    faults.fail = false
    chain.mine(3)
    await clock.advance(10_000)
    expect(stored).toEqual(expected())
    expect(said.filter(({ level }) => level === 'warn')).toHaveLength(1)
    await reader.stop()
  })

  it('behavior: nothing is read beyond a missing job, until it is there', async () => {
    const { chain, clock, faults, said, stored, expected, newReader } = setup()
    chain.mine(8)
    faults.hide = 5
    const reader = newReader()
    await reader.start()
    await clock.advance(5_000)
    expect([...stored.keys()]).toEqual([1, 2, 3, 4].map(idOf))
    expect(said).toHaveLength(1)
    faults.hide = undefined
    await clock.advance(10_000)
    expect(stored).toEqual(expected())
    await reader.stop()
  })

  it('behavior: a subgraph with indexing errors is read on, and that is said once', async () => {
    const { chain, clock, faults, said, stored, newReader } = setup()
    chain.mine(8)
    Object.assign(faults, { hide: 5, hasIndexingErrors: true })
    const reader = newReader()
    await reader.start()
    await clock.advance(5_000)
    expect(stored.size).toBe(7)
    expect(said.map(({ level }) => level)).toEqual(['warn'])
    await reader.stop()
  })

  it('behavior: indexers with and without errors in turn do not fill the log', async () => {
    const { clock, faults, said, newReader } = setup()
    const reader = newReader()
    await reader.start()
    for (let second = 0; second < 60; second++) {
      faults.hasIndexingErrors = second % 2 === 0
      await clock.advance(1_000)
    }
    expect(said).toHaveLength(1)
    await reader.stop()
  })

  it('behavior: start and stop can be repeated', async () => {
    const { chain, clock, stored, expected, newReader } = setup()
    const reader = newReader()
    await reader.stop()
    await Promise.all([reader.start(), reader.start()])
    await reader.stop()
    await reader.stop()
    chain.mine(1)
    await clock.advance(1_000)
    expect(stored.size).toBe(0)
    await reader.start()
    await clock.advance(0)
    expect(stored).toEqual(expected())
    await reader.stop()
  })
})
