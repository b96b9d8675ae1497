import type { ChainBlock } from './rpc.js'

/** A block that has been indexed. */
export interface BlockPointer {
  number: number
  hash: string
  parentHash: string
  /** Seconds since the Unix epoch. */
  timestamp: number
}

/** The newest indexed blocks, for reorgs and for queries by hash. */
export interface BlockHistory {
  head(): BlockPointer | undefined
  byHash(hash: string): BlockPointer | undefined
  /** From `highest` down. Blocks that were skipped while catching up are missing. */
  below(highest: number): BlockPointer[]
  push(block: ChainBlock): BlockPointer
  /** Forgets everything above `block`; everything, where it is undefined. */
  rollback(block: BlockPointer | undefined): void
}

/** `maxBlocks`: how many blocks below the head are kept. */
export function createBlockHistory(maxBlocks: number): BlockHistory {
  /** Ascending. */
  const blocks = new Map<number, BlockPointer>()
  const numbersByHash = new Map<string, number>()
  let head: BlockPointer | undefined

  function forget({ number, hash }: BlockPointer): void {
    blocks.delete(number)
    numbersByHash.delete(hash)
  }

  return {
    head: () => head,
    byHash: hash => blocks.get(numbersByHash.get(hash) ?? -1),
    below: highest => [...blocks.values()].filter(({ number }) => number <= highest).reverse(),
    push({ number, hash, parentHash, timestamp }) {
      head = { number: Number(number), hash, parentHash, timestamp: Number(timestamp) }
      blocks.set(head.number, head)
      numbersByHash.set(hash, head.number)
      for (const block of blocks.values()) {
        if (block.number > head.number - maxBlocks) break
        forget(block)
      }
      return head
    },
    rollback(block) {
      for (const known of [...blocks.values()]) {
        if (block === undefined || known.number > block.number) forget(known)
      }
      head = block
    }
  }
}
