import type { Hex } from '../../interface/bytes.js'
import type { Database } from '../../interface/database.js'
import { Bucket } from '../buckets.js'
import { createRepository, type Repository } from './repository.js'

/** An entity of the subgraph, and the block that it was read in. While that block stands, so does all before the entity. */
export interface Anchor {
  /** The entity's id. */
  id: Hex
  blockNumber: number
  blockHash: Hex
}

/** How far the entities of one kind have been read. */
export interface Cursor {
  /** Ascending by id; the last is the newest entity that was read. Empty before the first. */
  anchors: Anchor[]
}

const encoder = new TextEncoder()

/** The `cursors` bucket: name of the reader -> Cursor. */
export function cursorRepository(database: Database): Repository<string, Cursor> {
  return createRepository<string, Cursor, Cursor>(database, {
    bucket: Bucket.cursors,
    what: 'cursor',
    encodeId: name => encoder.encode(name),
    toStored: cursor => cursor,
    fromStored: cursor => cursor
  })
}
