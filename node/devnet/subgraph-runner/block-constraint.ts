import { GraphQLError } from 'graphql/index.js'
import type { IndexerState } from './indexer.js'

/** `Block_height` of The Graph's API. */
export interface BlockHeight {
  hash?: string | null
  number?: number | null
  number_gte?: number | null
}

/** The block that a query is answered at. As in graph-node, only its number is known where only that was asked for. */
export interface QueryBlock {
  number: number
  hash: string | null
  parentHash: string | null
  timestamp: number | null
}

/** Throws with graph-node's words where the subgraph holds nothing for the block. */
export function locateBlock(
  state: IndexerState,
  deployment: string,
  height: BlockHeight | null | undefined
): QueryBlock {
  const head = state.head()
  if (head === undefined) {
    throw new GraphQLError(`Store error: subgraph ${deployment} has not started syncing yet`)
  }
  const { hash, number, number_gte: minimum } = height ?? {}
  if (typeof hash === 'string') {
    const block = state.blockByHash(hash)
    if (block === undefined) throw decodeError('block.hash', 'no block with that hash found')
    checkQueryable(block.number)
    return block
  }
  if (typeof number === 'number') {
    checkQueryable(number)
    return { number, hash: null, parentHash: null, timestamp: null }
  }
  if (typeof minimum === 'number' && head.number < minimum) throw notYet('block.number_gte', minimum)
  return head

  function checkQueryable(wanted: number): void {
    if (wanted > (head?.number ?? -1)) throw notYet('block.number', wanted)
    const earliest = state.earliestBlock()
    if (wanted < earliest) {
      throw decodeError(
        'block.number',
        `subgraph ${deployment} only has data starting at block number ${earliest} and data for block number ${wanted} is therefore not available`
      )
    }
  }

  function notYet(argument: string, wanted: number): GraphQLError {
    return decodeError(
      argument,
      `subgraph ${deployment} has only indexed up to block number ${head?.number} and data for block number ${wanted} is therefore not yet available`
    )
  }
}

function decodeError(argument: string, message: string): GraphQLError {
  return new GraphQLError(`Failed to decode \`${argument}\` value: \`${message}\``)
}
