import { z } from 'zod'
import { type Execution, type ExecutionRequest, FailureCode, type Hex } from '../interface/index.js'

/** What parent and child say to each other, over Node's IPC channel with structured clone. */

export type ParentMessage =
  /** The first message. The child watches that `parentPid` stays its parent. */
  | { type: 'start'; parentPid: number; memoryBytes: number }
  | { type: 'run'; id: number; request: ExecutionRequest; limits: OutputLimits }

export type ChildMessage =
  | { type: 'ready' }
  /** The model is loaded and starts. What ends the run from outside is reported with this receipt. */
  | { type: 'running'; id: number; receipt: ReceiptOrigin }
  | { type: 'done'; id: number; outcome: Execution }
  /** This machine could not run the model: nothing is known of the job. */
  | { type: 'unable'; id: number; message: string }

/** Of one output, in bytes. */
export interface OutputLimits {
  /** ABI-encoded. */
  abiBytes: number
  /** As a file. */
  contentBytes: number
}

/** A receipt before there is an output. */
export type ReceiptOrigin = z.infer<typeof receiptOriginSchema>

/** Longer than any reason on chain, and than every name in a receipt. */
const maxTextLength = 1_000
const text = z.string().max(maxTextLength)
const hex = z.custom<Hex>(value => typeof value === 'string' && /^0x([0-9a-f]{2})*$/u.test(value))

const receiptOriginSchema = z.strictObject({
  runtime: text,
  runtimeVersion: text,
  manifest: text,
  cpu: text
})

const receiptSchema = receiptOriginSchema.extend({ outputHash: hex })

const contentSchema = z.strictObject({ bytes: z.instanceof(Uint8Array), mediaType: text })

const outcomeSchema = z.discriminatedUnion('success', [
  z.strictObject({
    success: z.literal(true),
    output: hex,
    receipt: receiptSchema,
    content: z.union([contentSchema, z.undefined()]).optional()
  }),
  z.strictObject({
    success: z.literal(false),
    code: z.enum(FailureCode),
    reason: text,
    receipt: z.union([receiptSchema, z.undefined()])
  })
])

const id = z.int().min(0)

const childMessageSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ready') }),
  z.strictObject({ type: z.literal('running'), id, receipt: receiptOriginSchema }),
  z.strictObject({ type: z.literal('done'), id, outcome: outcomeSchema }),
  z.strictObject({ type: z.literal('unable'), id, message: text })
])

/** Undefined for anything that the child must not say: it ran a stranger's file on a stranger's input. */
export function parseChildMessage(message: unknown): ChildMessage | undefined {
  return childMessageSchema.safeParse(message).data
}

/** Cuts a text to what the parent accepts. */
export function cutText(value: string): string {
  return value.length > maxTextLength ? `${value.slice(0, maxTextLength - 1)}…` : value
}
