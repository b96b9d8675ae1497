import { z } from 'zod'
import type { Hex } from '../interface/bytes.js'

const hex = (sizeBytes: number) =>
  z
    .string()
    .regex(
      new RegExp(`^0x[0-9a-f]{${sizeBytes * 2}}$`),
      `not ${sizeBytes} bytes in lowercase hex`
    ) as z.ZodType<Hex>

/** A BigInt of the subgraph, which comes as text, that must be a safe integer. */
const integer = z
  .string()
  .regex(/^\d{1,16}$/, 'not a small integer')
  .transform(Number)
  .refine(Number.isSafeInteger)

/** Widths of the ids in the subgraph (`subgraph/src/ids.ts`). */
export const jobIdSizeBytes = 32
export const resultIdSizeBytes = 12

/** The place of a job's log, and all that a JobReference needs. */
export const jobRow = z.object({
  id: hex(jobIdSizeBytes),
  status: z.enum(['Open', 'Succeeded', 'Failed']),
  blockNumber: integer,
  blockHash: hex(32),
  txHash: hex(32),
  // A message of the network gives it 32 bits.
  logIndex: integer.refine(index => index < 2 ** 32),
  dataHash: hex(32),
  /** Seconds since the Unix epoch. Undefined: not told. */
  deadline: integer.optional()
})
export type JobRow = z.infer<typeof jobRow>

/** What made a job final. */
export const resultRow = z.object({
  id: hex(resultIdSizeBytes),
  blockNumber: integer,
  blockHash: hex(32),
  txHash: hex(32),
  success: z.boolean(),
  worker: z.object({ id: hex(20) }).nullable(),
  job: jobRow
})
export type ResultRow = z.infer<typeof resultRow>

/** Where an entity was read. */
export const anchorRow = (idSizeBytes: number) =>
  z.object({ id: hex(idSizeBytes), blockNumber: integer, blockHash: hex(32) })

export const metaRow = z.object({
  block: z.object({ number: z.number().int().nonnegative() }),
  hasIndexingErrors: z.boolean()
})
