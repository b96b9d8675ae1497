import { z } from 'zod'
import type { Hex } from '../interface/bytes.js'
import type { Database } from '../interface/database.js'
import { DatabaseCorruptError } from '../interface/errors.js'
import { Bucket } from './buckets.js'
import { bucketKey } from './keys.js'
import { decodeRecord, encodeRecord } from './record.js'

const chainKey = bucketKey(Bucket.meta, new TextEncoder().encode('chain'))
const schema = z.object({ genesisHash: z.custom<Hex>(value => /^0x[0-9a-f]{64}$/.test(String(value))) })

/**
 * Whether the database is of the chain with this first block. One that does not say so yet is taken to be, and says so from
 * now on. Throws DatabaseCorruptError, DatabaseWriteError.
 *
 * @returns the first block of the other chain that it is of; undefined if there is none
 */
export async function otherChainOf(database: Database, genesisHash: Hex): Promise<Hex | undefined> {
  const bytes = await database.get(chainKey)
  if (bytes === undefined) {
    await database.batch([{ type: 'put', key: chainKey, value: encodeRecord({ genesisHash }) }], {
      sync: true
    })
    return undefined
  }
  const parsed = schema.safeParse(decodeRecord(bytes, 'chain'))
  if (!parsed.success) throw new DatabaseCorruptError(`Stored chain: ${z.prettifyError(parsed.error)}`)
  const { genesisHash: stored } = parsed.data
  return stored === genesisHash ? undefined : stored
}
