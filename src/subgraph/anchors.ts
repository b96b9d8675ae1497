import type { Anchor } from '../db/repositories/cursor.js'

/**
 * The anchors to keep: the oldest and the newest of each power of two of blocks behind the newest. So a reorg of d blocks
 * finds an anchor within about 4 d, however deep, and 2 × 32 anchors reach back over any chain.
 *
 * @param anchors ascending
 */
export function thinAnchors(anchors: Anchor[]): Anchor[] {
  const newest = anchors.at(-1)
  if (newest === undefined) return []
  const ageOf = (anchor: Anchor | undefined) =>
    anchor === undefined ? -1 : Math.floor(Math.log2(newest.blockNumber - anchor.blockNumber + 1))
  return anchors.filter((anchor, index) => {
    const age = ageOf(anchor)
    return ageOf(anchors[index - 1]) !== age || ageOf(anchors[index + 1]) !== age
  })
}

/** How what was read before stands against what the subgraph has now. */
export type AnchorVerdict =
  /** The newest anchor stands. */
  | { kind: 'intact' }
  /** The subgraph is behind the newest anchor, and agrees as far as it goes. */
  | { kind: 'behind'; kept: Anchor[] }
  /** Blocks that were read are no longer on chain. `kept`: the anchors that still stand. */
  | { kind: 'reorg'; kept: Anchor[] }

/**
 * @param stored ascending
 * @param found those of them that the subgraph has now, in any order
 * @param headBlock how far the subgraph is
 */
export function compareAnchors(stored: Anchor[], found: Anchor[], headBlock: number): AnchorVerdict {
  const hashes = new Map(found.map(anchor => [anchor.id, anchor.blockHash]))
  const newestIntact = stored.findLastIndex(anchor => hashes.get(anchor.id) === anchor.blockHash)
  if (newestIntact === stored.length - 1) return { kind: 'intact' }
  const kept = stored.slice(0, newestIntact + 1)
  const lost = stored.slice(newestIntact + 1)
  // An entity in another block is proof; a missing one is, if the subgraph has passed its block.
  const isReorg = lost.some(anchor => hashes.has(anchor.id) || anchor.blockNumber <= headBlock)
  return { kind: isReorg ? 'reorg' : 'behind', kept }
}
