import { fromString } from 'uint8arrays/from-string'
import { z } from 'zod'
import type { Address, Hex, JobKey } from '../../interface/bytes.js'
import type { BatchOperation, Database } from '../../interface/database.js'
import { DatabaseCorruptError } from '../../interface/errors.js'
import { Bucket } from '../buckets.js'
import { bucketKey } from '../keys.js'
import { decodeRecord, encodeRecord } from '../record.js'

const hex = z.custom<Hex>(value => typeof value === 'string' && /^0x([0-9a-fA-F]{2})*$/.test(value))
const wei = z.string().regex(/^\d+$/).transform(BigInt)
const fees = z.discriminatedUnion('type', [
  z.object({ type: z.literal('eip1559'), maxFeePerGas: wei, maxPriorityFeePerGas: wei }),
  z.object({ type: z.literal('legacy'), gasPrice: wei })
])

const entrySchema = z.object({
  chainId: z.int(),
  account: hex,
  nonce: z.int().min(0),
  to: hex,
  /** Calldata, the same in every version of the transaction. */
  data: hex,
  gasLimit: wei,
  /** What the transaction carries; empty for one that only fills a gap of nonces. */
  items: z.array(
    z.object({ job: z.custom<JobKey>(value => typeof value === 'string'), jobId: wei, requestHash: hex })
  ),
  /** The versions of the transaction, each with a higher fee than the one before. Any of them may be mined. */
  hashes: z.array(hex).min(1),
  /** The latest version, signed. */
  raw: hex,
  fees,
  /** Whether the endpoint has ever taken it. */
  sent: z.boolean()
})

/** A transaction with results, from before it is first sent until a block holds it deep enough. */
export type OutboxEntry = z.output<typeof entrySchema>
export type OutboxItem = OutboxEntry['items'][number]

export interface OutboxRepository {
  /** Those of the account, by nonce. Throws DatabaseCorruptError. */
  entries(): Promise<OutboxEntry[]>
  put(entry: OutboxEntry): BatchOperation
  del(nonce: number): BatchOperation
}

/** The outbox of one account on one chain. Entries of another chain are not shown. */
export function outboxRepository(database: Database, chainId: number, account: Address): OutboxRepository {
  const accountId = fromString(account.slice(2).toLowerCase(), 'hex')
  const key = (nonce: bigint) => {
    const id = new Uint8Array(accountId.length + 8)
    id.set(accountId)
    new DataView(id.buffer).setBigUint64(accountId.length, nonce)
    return bucketKey(Bucket.outbox, id)
  }
  return {
    async entries() {
      const entries: OutboxEntry[] = []
      for await (const [, value] of database.entries({ gte: key(0n), lt: key(2n ** 64n - 1n) })) {
        const parsed = entrySchema.safeParse(decodeRecord(value, 'transaction'))
        if (!parsed.success) {
          throw new DatabaseCorruptError(`Stored transaction: ${z.prettifyError(parsed.error)}`)
        }
        if (parsed.data.chainId === chainId) entries.push(parsed.data)
      }
      return entries
    },
    put: entry => ({ type: 'put', key: key(BigInt(entry.nonce)), value: encodeRecord(toStored(entry)) }),
    del: nonce => ({ type: 'del', key: key(BigInt(nonce)) })
  }
}

/** JSON knows no bigint. */
function toStored(entry: OutboxEntry): unknown {
  return JSON.parse(
    JSON.stringify(entry, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))
  )
}
