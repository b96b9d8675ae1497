import { LRUCache } from 'lru-cache'
import { timelineRepository } from '../db/repositories/timeline.js'
import { tokenBucket } from '../gossip/rate-limit.js'
import type { Clock, Timer } from '../interface/clock.js'
import type { Database } from '../interface/database.js'
import type { EmitEvent, NodeEvent } from '../interface/events.js'
import type { Logger } from '../interface/logger.js'
import type { Startable } from '../interface/startable.js'
import { toPlainEvent } from './event-schema.js'
import { frameLimits, recordLimits } from './limits.js'

export interface TimelineInit {
  /** How long events are kept. Default: 7 days. */
  ageMs?: number
  /** How many segments (some events of one job, written together) are kept. Default: 250,000. */
  segments?: number
}

export interface TimelineComponents {
  database: Database
  clock: Clock
  logger: Logger
}

/** Some events of a job, in their JSON form, as many as fit into an answer. */
export interface TimelinePage {
  events: unknown[]
  /** Asks for what comes after this page; undefined where there is nothing. */
  next: number | undefined
}

export interface TimelineStatus {
  /** Events that wait to be written. */
  pendingEvents: number
  /** Events that were not kept, because of a limit or a disk that does not write. */
  droppedEvents: number
  /** Segments on disk. */
  segments: number
}

/**
 * What happened to each job as seen from this node: its own events, and what others told of theirs. For people, who want to
 * know why: no stage waits for it, none reads it, and what is lost of it does no harm.
 */
export interface Timeline extends Startable {
  /** Takes an event. Costs the caller a push to an array. */
  record: EmitEvent
  /** What is known of a job, oldest first. `after`: the `next` of the page before. */
  read(jobId: bigint, after?: number): Promise<TimelinePage>
  status(): TimelineStatus
}

export function timeline(init: TimelineInit = {}): (components: TimelineComponents) => Timeline {
  const { ageMs = recordLimits.ageMs, segments: maxSegments = recordLimits.segments } = init
  return ({ database, clock, logger }) => {
    const repository = timelineRepository(database)
    /** Events taken of each job, over all segments. */
    const taken = new LRUCache<bigint, number>({ max: recordLimits.countedJobs })
    const strangers = tokenBucket(recordLimits.strangeJobs)({ clock })
    let pending = new Map<bigint, NodeEvent[]>()
    let pendingEvents = 0
    /** Of these, those that are on their way to the disk. */
    let writingEvents = 0
    let droppedEvents = 0
    let segments = 0
    let lastStamp = 0
    let state: 'new' | 'started' | 'stopped' = 'new'
    let timer: Timer | undefined
    let pruneTimer: Timer | undefined
    let writing: Promise<void> = Promise.resolve()
    let pruning: Promise<void> = Promise.resolve()
    let isFailing = false

    /** Whether the job's timeline has room for such an event. */
    function hasRoom(event: NodeEvent): boolean {
      if (pendingEvents >= recordLimits.pendingEvents) return false
      const count = taken.get(event.jobId)
      if (count === undefined) return event.type !== 'job:missing' || strangers.take(1)
      return count < ceiling(event)
    }

    function record(event: NodeEvent): void {
      if (state === 'stopped' || !hasRoom(event)) {
        droppedEvents++
        return
      }
      taken.set(event.jobId, (taken.get(event.jobId) ?? 0) + 1)
      const events = pending.get(event.jobId)
      if (events === undefined) pending.set(event.jobId, [event])
      else events.push(event)
      pendingEvents++
      timer ??= clock.schedule(recordLimits.flushMs, () => void flush())
    }

    /** Never rejects: a disk that does not write costs the events, and nothing else. */
    function flush(): Promise<void> {
      timer?.cancel()
      timer = undefined
      const batch = pending
      const count = pendingEvents - writingEvents
      pending = new Map()
      writingEvents += count
      if (batch.size > 0) {
        // They count until they are written: behind a disk that hangs, batch after batch would wait.
        writing = writing
          .then(() => write(batch, count))
          .then(() => {
            pendingEvents -= count
            writingEvents -= count
          })
      }
      return writing
    }

    async function write(batch: Map<bigint, NodeEvent[]>, count: number): Promise<void> {
      try {
        const all = [...batch].flatMap(([jobId, events]) =>
          chunks(events, recordLimits.segmentEvents).map(part => ({ jobId, events: part }))
        )
        for (const part of chunks(all, recordLimits.writeChunk)) {
          await database.batch(
            part.flatMap(({ jobId, events }) => {
              // Ascending even where the clock is set back, so that a page never loses its place.
              lastStamp = Math.max(lastStamp + 1, clock.now() * 1_000)
              return repository.put(jobId, { stamp: lastStamp, events: events.map(toPlainEvent) })
            })
          )
          segments += part.length
        }
        isFailing = false
      } catch (err) {
        droppedEvents += count
        if (!isFailing)
          logger.warn({ err }, 'the timeline cannot be written: what happens now cannot be explained later')
        isFailing = true
      }
    }

    /** Counts what an earlier run left, then keeps to the limits. */
    async function prune(count: boolean): Promise<void> {
      if (count) for await (const _ of repository.ages()) segments++
      const beforeStamp = (clock.now() - ageMs) * 1_000
      let excess = segments - maxSegments
      let old: { jobId: bigint; stamp: number }[] = []
      const drop = async (): Promise<void> => {
        await database.batch(old.flatMap(({ jobId, stamp }) => repository.del(jobId, stamp)))
        segments -= old.length
        old = []
      }
      for await (const entry of repository.ages()) {
        if (state !== 'started' || (excess <= 0 && entry.stamp >= beforeStamp)) break
        old.push(entry)
        excess--
        if (old.length >= recordLimits.pruneChunk) await drop()
      }
      if (old.length > 0) await drop()
    }

    function schedulePrune(isFirst: boolean): void {
      pruning = prune(isFirst)
        .catch(err => logger.warn({ err }, 'the timeline cannot be pruned; it is tried again in a minute'))
        .finally(() => {
          if (state === 'started')
            pruneTimer = clock.schedule(recordLimits.pruneMs, () => schedulePrune(false))
        })
    }

    return {
      record,
      async read(jobId, after = 0) {
        await flush()
        const events: unknown[] = []
        let sizeBytes = 0
        let next: number | undefined
        for await (const segment of repository.segments(jobId, after)) {
          const bytes = Buffer.byteLength(JSON.stringify(segment.events))
          if (events.length > 0 && sizeBytes + bytes > frameLimits.pageBytes) return { events, next }
          events.push(...segment.events)
          sizeBytes += bytes
          next = segment.stamp
        }
        return { events, next: undefined }
      },
      status: () => ({ pendingEvents, droppedEvents, segments }),
      async start() {
        if (state !== 'new') return
        state = 'started'
        // A quick restart, or a clock that was set back, must not write over what is there.
        lastStamp = await repository.newestStamp()
        schedulePrune(true)
      },
      async stop() {
        if (state === 'stopped') return
        state = 'stopped'
        pruneTimer?.cancel()
        await pruning
        await flush()
      }
    }
  }
}

/** How many events a job may have for such a one to be taken: the more it says, the more room is left for it. */
function ceiling(event: NodeEvent): number {
  const isRepetition =
    event.type === 'lease:renewed' ||
    (event.type === 'lease:seen' && event.sequence > 0 && event.release === undefined) ||
    (event.type === 'job:announced' && event.attempt > 1) ||
    event.type === 'job:missing'
  if (isRepetition) return recordLimits.jobRepetitions
  return event.type === 'lease:seen' ? recordLimits.jobEventsOfOthers : recordLimits.jobEvents
}

function chunks<T>(items: T[], size: number): T[][] {
  const parts: T[][] = []
  for (let from = 0; from < items.length; from += size) parts.push(items.slice(from, from + size))
  return parts
}
