import { z } from 'zod'
import type { NodeEvent } from '../interface/events.js'
import { recordLimits } from './limits.js'

/** What neither ends a line nor moves the cursor of a terminal nor turns the direction of text. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

const hash = z.string().regex(/^[0-9a-f]{64}$/)
const integer = z.int().min(0)
/** ms since the epoch, until far beyond any clock: sums of two are still dates. */
export const time = z.int().min(0).max(4e15)
const text = z
  .string()
  .max(recordLimits.textChars)
  .transform(value => value.replaceAll(unprintable, '\ufffd'))
const txHash = z
  .string()
  .regex(/^0x[0-9a-f]{64}$/)
  .transform(value => value as `0x${string}`)
const jobId = z
  .string()
  .regex(/^\d{1,78}$/)
  .transform(BigInt)
const release = z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4), z.literal(5)])
const about = { job: hash, jobId, atMs: time }

/** An event in its JSON form, from another node or from the disk. What a later version adds is dropped. */
const eventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('job:indexed'), ...about }),
  z.object({ type: z.literal('job:announced'), attempt: integer, ...about }),
  z.object({ type: z.literal('job:verified'), ...about }),
  z.object({ type: z.literal('job:missing'), reason: text, ...about }),
  z.object({ type: z.literal('job:final'), ...about }),
  z.object({
    type: z.literal('lease:claimed'),
    slot: integer,
    rank: integer,
    startMs: time,
    expiresMs: time,
    ...about
  }),
  z.object({ type: z.literal('lease:acquired'), slot: integer, rank: integer, ...about }),
  z.object({ type: z.literal('lease:renewed'), expiresMs: time, ...about }),
  z.object({ type: z.literal('lease:released'), reason: release, ...about }),
  z.object({ type: z.literal('lease:lost'), holder: hash, ...about }),
  z.object({
    type: z.literal('lease:seen'),
    worker: hash,
    slot: integer,
    startMs: time,
    expiresMs: time,
    sequence: integer,
    release: release.optional(),
    ...about
  }),
  z.object({ type: z.literal('execution:started'), manifest: text, ...about }),
  z.object({
    type: z.literal('execution:finished'),
    success: z.boolean(),
    code: integer,
    durationMs: z.number().min(0),
    ...about
  }),
  z.object({ type: z.literal('execution:aborted'), ...about }),
  z.object({ type: z.literal('submission:sent'), txHash, ...about }),
  z.object({ type: z.literal('submission:accepted'), txHash, ...about }),
  z.object({ type: z.literal('submission:refused'), status: integer, ...about })
])

/** An event that a timeline can tell. */
export type TimelineEvent = z.output<typeof eventSchema>

/** An event of a newer version, known by its name only. */
const unknownSchema = z.object({
  type: z
    .string()
    .max(64)
    .regex(/^[a-z-]+:[a-z-]+$/),
  ...about
})
export interface UnknownEvent extends z.output<typeof unknownSchema> {}

const known = new Set<string>(eventSchema.options.map(option => option.shape.type.value))

/** Undefined for what is no event of a job. */
export function parseEvent(value: unknown): TimelineEvent | UnknownEvent | undefined {
  const checked = eventSchema.safeParse(value)
  if (checked.success) return checked.data
  const unknown = unknownSchema.safeParse(value)
  return unknown.success && !known.has(unknown.data.type) ? unknown.data : undefined
}

/** Whether this version can tell more of an event than its name. */
export function isKnownEvent(event: TimelineEvent | UnknownEvent): event is TimelineEvent {
  return known.has(event.type)
}

/** The JSON form: bigints as decimal text, long texts cut. */
export function toPlainEvent(event: NodeEvent): Record<string, unknown> {
  const plain: Record<string, unknown> = { ...event, jobId: event.jobId.toString() }
  if (event.type === 'job:missing') plain.reason = event.reason.slice(0, recordLimits.textChars)
  if (event.type === 'execution:started') plain.manifest = event.manifest.slice(0, recordLimits.textChars)
  return plain
}
