import { z } from 'zod'
import { InvalidMessageError } from '../interface/errors.js'
import { time } from './event-schema.js'
import { frameLimits } from './limits.js'

/**
 * `/buffalo/timeline/1.0.0`: one stream, on which the asker sends requests and the node answers each, in order. Frames are
 * length-prefixed JSON: the events are JSON wherever else they go, and nobody waits for them but a person.
 */
export const timelineProtocol = '/buffalo/timeline/1.0.0'

/** Without `job` only the clocks are compared. */
const requestSchema = z.object({
  job: z
    .string()
    .regex(/^\d{1,78}$/)
    .transform(BigInt)
    .optional(),
  /** The `next` of the page before. */
  after: z.int().min(0).optional()
})
export type TimelineRequest = z.output<typeof requestSchema>

const answerSchema = z.object({
  /** When the request arrived and when the answer left, by the node's clock: ms since the epoch. */
  receivedAtMs: time,
  sentAtMs: time,
  role: z.enum(['sequencer', 'worker']),
  /** The node answers too many others just now, or this asker too often. */
  busy: z.literal(true).optional(),
  page: z
    .object({
      /** Events in their JSON form; each is checked by itself, as a newer node may know more of them. */
      events: z.array(z.unknown()).max(frameLimits.answerBytes / 64),
      next: z.int().min(0).optional()
    })
    .optional()
})
export type TimelineAnswer = z.output<typeof answerSchema>

/** Throws InvalidMessageError. */
export const readRequest = (bytes: Uint8Array): TimelineRequest => read(requestSchema, bytes, 'request')
/** Throws InvalidMessageError. */
export const readAnswer = (bytes: Uint8Array): TimelineAnswer => read(answerSchema, bytes, 'answer')

/** JSON; bigints as decimal text. */
export function writeFrame(frame: TimelineRequest | TimelineAnswer): Uint8Array {
  return new TextEncoder().encode(
    JSON.stringify(frame, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))
  )
}

function read<T>(schema: z.ZodType<T>, bytes: Uint8Array, what: string): T {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (err) {
    throw new InvalidMessageError(`A timeline ${what} is not JSON`, { cause: err })
  }
  const checked = schema.safeParse(value)
  if (!checked.success) {
    const [issue] = checked.error.issues
    throw new InvalidMessageError(
      `A timeline ${what} breaks its form: ${issue?.path.join('.')} ${issue?.message}`
    )
  }
  return checked.data
}
