import type { Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import { abortable } from '../interface/abort.js'
import type { Clock } from '../interface/clock.js'
import { InvalidMessageError } from '../interface/errors.js'
import { parseEvent, type TimelineEvent, type UnknownEvent } from './event-schema.js'
import { readAnswer, type TimelineAnswer, type TimelineRequest, writeFrame } from './frames.js'
import { clockSamples, frameLimits, recordLimits } from './limits.js'

/** What one node says of a job: the word of the peer at the other end of the connection, and of nobody else. */
export interface NodeTimeline {
  role: TimelineAnswer['role']
  /** Its clock minus this one's, as well as the way lets it be known; 0 where no difference is known. */
  clockOffsetMs: number
  /** Of the quickest exchange: the offset is right to within half of it. */
  roundTripMs: number
  /** In its own time, in the order in which it wrote them. */
  events: (TimelineEvent | UnknownEvent)[]
  /** It knows more than it may say. */
  isCut: boolean
}

/**
 * Asks a node for the timeline of a job, on a fresh stream of `timelineProtocol`. The node may be hostile: it can lie about what
 * it saw, and no more than that.
 *
 * @throws InvalidMessageError for an answer that breaks a rule; the signal's reason; what libp2p throws for a stream that breaks
 */
export async function askTimeline(
  stream: Stream,
  jobId: bigint,
  { clock, signal }: { clock: Clock; signal: AbortSignal }
): Promise<NodeTimeline> {
  const frames = lpStream(stream, {
    maxDataLength: frameLimits.answerBytes,
    maxBufferSize: 2 * frameLimits.answerBytes
  })
  let heardBytes = 0

  async function exchange(request: TimelineRequest): Promise<{ answer: TimelineAnswer; offset: Offset }> {
    const sentAtMs = clock.now()
    await frames.write(writeFrame(request), { signal })
    const bytes = (await frames.read({ signal })).subarray()
    const heardAtMs = clock.now()
    heardBytes += bytes.byteLength
    // Rule: all answers together are bounded, too.
    if (heardBytes > frameLimits.totalBytes)
      throw new InvalidMessageError('A timeline is larger than any may be')
    const answer = readAnswer(bytes)
    const heldMs = answer.sentAtMs - answer.receivedAtMs
    // Rule: an answer cannot have been held for longer than the whole exchange took.
    if (heldMs < 0 || heldMs > heardAtMs - sentAtMs + 1)
      throw new InvalidMessageError('A timeline answer says that it was held for an impossible time')
    return {
      answer,
      offset: {
        offsetMs: (answer.receivedAtMs - sentAtMs + (answer.sentAtMs - heardAtMs)) / 2,
        roundTripMs: Math.max(0, heardAtMs - sentAtMs - heldMs)
      }
    }
  }

  async function ask(): Promise<NodeTimeline> {
    let best: Offset | undefined
    for (let sample = 0; sample < clockSamples; sample++) {
      const { offset } = await exchange({})
      if (best === undefined || offset.roundTripMs < best.roundTripMs) best = offset
    }
    const events: NodeTimeline['events'] = []
    let after: number | undefined
    for (let page = 0; page < frameLimits.pages; page++) {
      const { answer } = await exchange({ job: jobId, after })
      // Rule: a page comes with every answer but a busy one's; then what came before is all there is.
      const { page: told } = answer
      if (told === undefined && answer.busy === undefined)
        throw new InvalidMessageError('A timeline answer holds no events')
      for (const value of told?.events ?? []) {
        const event = parseEvent(value)
        // Rule: only events of the job that was asked for, and no more than a node keeps of one.
        if (event?.jobId === jobId && events.length < recordLimits.jobEvents) events.push(event)
      }
      const next = told?.next
      // Rule: each page is later than the one before, so that they end.
      if (next !== undefined && next <= (after ?? 0))
        throw new InvalidMessageError('A timeline does not go forward')
      const isLast = next === undefined && answer.busy === undefined
      if (isLast || answer.busy === true || page === frameLimits.pages - 1) {
        const { offsetMs: measuredMs, roundTripMs } = best ?? { offsetMs: 0, roundTripMs: 0 }
        // Within what the way may have taken, and the clocks' own ms, equal clocks are as likely as any others.
        const offsetMs = Math.abs(measuredMs) <= roundTripMs / 2 + 1 ? 0 : measuredMs
        return { role: answer.role, clockOffsetMs: offsetMs, roundTripMs, events, isCut: !isLast }
      }
      after = next
    }
    throw new InvalidMessageError('A timeline does not end')
  }

  let told: NodeTimeline
  try {
    told = await abortable(ask(), signal)
  } catch (err) {
    stream.abort(asError(err))
    throw err
  }
  // The node may be quicker to close: what it said stands all the same.
  await stream.close({ signal }).catch(err => stream.abort(asError(err)))
  return told
}

const asError = (err: unknown): Error => (err instanceof Error ? err : new Error(String(err)))

interface Offset {
  offsetMs: number
  roundTripMs: number
}
