import { afterEach, expect, it } from 'vitest'
import { type Copies, type CopiesInit, outputCopies } from '../../../src/content/copies.js'
import { systemClock } from '../../../src/interface/index.js'
import { silentLogger } from '../../helpers/silent-logger.js'
import { type ContentNode, connect, startContentNode } from './content-nodes.js'

const nodes: { stop(): Promise<void> | void }[] = []
const signal = new AbortController().signal

interface CopyNode extends ContentNode {
  copies: Copies
}

async function start(init: Partial<CopiesInit & { quotaBytes: number }> = {}): Promise<CopyNode> {
  const node = await startContentNode({ quotaBytes: init.quotaBytes })
  const copies = outputCopies({ isWorker: () => true, ...init })({
    libp2p: node.network.libp2p,
    content: node.content,
    clock: systemClock,
    logger: silentLogger(),
    random: Math.random
  })
  await copies.start()
  nodes.push(node)
  return { ...node, copies }
}

afterEach(async () => {
  await Promise.all(nodes.splice(0).map(node => node.stop()))
})

it('behavior: an output is held by two other workers before its location is told', async () => {
  const [maker, ...others] = [await start(), await start(), await start(), await start()]
  for (const other of others) await connect(maker, other)
  const cid = await maker.content.add([Buffer.from('a picture')], { pin: true })
  const holders = await maker.copies.spread(cid, signal)
  expect(holders).toHaveLength(2)
  const holding = others.filter(({ content }) => content.isPinned(cid)).map(({ network }) => network.peerId)
  expect(holding.toSorted()).toEqual(holders.toSorted())
  // It outlives its maker.
  await maker.stop()
  const [first, second] = others.filter(({ content }) => content.isPinned(cid))
  const reader = await start()
  if (first === undefined || second === undefined) throw new Error('no copies')
  await connect(reader, second)
  expect(String(await reader.content.read(cid, { maxBytes: 100, signal }))).toBe('a picture')
})

it('behavior: alone in the network, an output is stored without copies', async () => {
  const maker = await start()
  const cid = await maker.content.add([Buffer.from('a picture')], { pin: true })
  expect(await maker.copies.spread(cid, signal)).toEqual([])
})

it('behavior: one that refuses is replaced by another', async () => {
  const [maker, full, other] = [await start(), await start({ keepsForOthers: false }), await start()]
  await connect(maker, full)
  await connect(maker, other)
  const cid = await maker.content.add([Buffer.from('a picture')], { pin: true })
  expect(await maker.copies.spread(cid, signal)).toEqual([other.network.peerId])
  expect(full.content.isPinned(cid)).toBe(false)
})

it('behavior: outputs of strangers are not kept, and strangers are not asked', async () => {
  const keeper = await start({ isWorker: () => false })
  const stranger = await start()
  await connect(stranger, keeper)
  const cid = await stranger.content.add([Buffer.from('spam')], { pin: true })
  expect(await stranger.copies.spread(cid, signal)).toEqual([])
  expect(await keeper.copies.spread(cid, signal)).toEqual([])
  expect(keeper.content.usage()).toMatchObject({ blocks: 0, pins: 0 })
})

it('behavior: what others have kept here is bounded by a share of the quota', async () => {
  const [maker, keeper] = [await start(), await start({ quotaBytes: 1_000_000 })]
  await connect(maker, keeper)
  const kept: boolean[] = []
  for (let at = 0; at < 4; at++) {
    const cid = await maker.content.add([Buffer.alloc(100_000, at + 1)], { pin: true })
    kept.push((await maker.copies.spread(cid, signal)).length === 1)
  }
  expect(kept).toEqual([true, true, false, false])
  expect(keeper.content.usage().pins).toBe(2)
})
