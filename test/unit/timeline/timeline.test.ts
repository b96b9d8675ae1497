import { describe, expect, it } from 'vitest'
import { Bucket } from '../../../src/db/buckets.js'
import { bucketRange } from '../../../src/db/keys.js'
import { memoryDatabase } from '../../../src/db/memory-database.js'
import type { Database, NodeEvent } from '../../../src/interface/index.js'
import { recordLimits } from '../../../src/timeline/limits.js'
import { about, createTimeline, job } from './fixture.js'

async function sizeOf(database: Database, bucket: Bucket): Promise<number> {
  let size = 0
  for await (const _ of database.entries(bucketRange(bucket))) size++
  return size
}

describe('the timeline of a node', () => {
  it('behavior: events of one job come back in order, after a restart too, and no others', async () => {
    const { clock, database, kept, record } = await createTimeline()
    record({ type: 'job:indexed', ...about(clock) }, { type: 'job:indexed', ...about(clock, 2n) })
    await clock.advance(recordLimits.flushMs)
    record({ type: 'job:announced', attempt: 1, ...about(clock) })
    await kept.stop()

    const again = await createTimeline({ database, clock })
    again.record({ type: 'job:final', ...about(clock) })
    const { events, next } = await again.kept.read(1n)
    expect(events).toMatchObject([
      { type: 'job:indexed', jobId: '1' },
      { type: 'job:announced', jobId: '1', attempt: 1 },
      { type: 'job:final', jobId: '1' }
    ])
    expect(next).toBeUndefined()
    expect((await again.kept.read(3n)).events).toEqual([])
  })

  it('behavior: nothing is written while events arrive; then each job costs one segment', async () => {
    const { clock, database, record } = await createTimeline()
    for (let jobId = 1n; jobId <= 100n; jobId++) {
      record({ type: 'job:indexed', ...about(clock, jobId) }, { type: 'job:final', ...about(clock, jobId) })
    }
    expect(await sizeOf(database, Bucket.timeline)).toBe(0)
    await clock.advance(recordLimits.flushMs)
    expect(await sizeOf(database, Bucket.timeline)).toBe(100)
  })

  it('behavior: what others say of a job leaves room for what this node does', async () => {
    const { clock, kept, record } = await createTimeline()
    const seen = (startMs: number): NodeEvent => {
      const lease = { worker: 'cd'.repeat(32), slot: 1, startMs, expiresMs: startMs + 1, sequence: 0 }
      return { type: 'lease:seen', ...lease, ...about(clock) }
    }
    for (let n = 0; n < 1_000; n++) record(seen(n))
    for (let n = 0; n < 1_000; n++) record({ type: 'lease:renewed', expiresMs: n, ...about(clock) })
    for (let n = 0; n < 1_000; n++) record({ type: 'execution:aborted', ...about(clock) })
    await clock.advance(recordLimits.flushMs)
    const types: string[] = []
    let after: number | undefined
    do {
      const page = await kept.read(1n, after)
      types.push(...page.events.map(event => (event as { type: string }).type))
      after = page.next
    } while (after !== undefined)
    expect(types.filter(type => type === 'lease:seen')).toHaveLength(recordLimits.jobEventsOfOthers)
    expect(types.filter(type => type === 'execution:aborted')).toHaveLength(
      recordLimits.jobEvents - recordLimits.jobEventsOfOthers
    )
    expect(types).toHaveLength(recordLimits.jobEvents)
    expect(kept.status().droppedEvents).toBe(3_000 - recordLimits.jobEvents)
  })

  it('behavior: jobs that only a liar speaks of cost a few events a second', async () => {
    const { clock, kept, record } = await createTimeline()
    for (let jobId = 1n; jobId <= 5_000n; jobId++)
      record({ type: 'job:missing', reason: 'x'.repeat(10_000), ...about(clock, jobId) })
    expect(kept.status().pendingEvents).toBe(recordLimits.strangeJobs.burst)
    const { events } = await kept.read(1n)
    expect((events[0] as { reason: string }).reason).toHaveLength(recordLimits.textChars)
  })

  it('behavior: what waits is bounded', async () => {
    const { clock, kept, record } = await createTimeline()
    for (let jobId = 1n; jobId <= BigInt(recordLimits.pendingEvents) + 7n; jobId++)
      record({ type: 'job:final', ...about(clock, jobId) })
    expect(kept.status()).toMatchObject({ pendingEvents: recordLimits.pendingEvents, droppedEvents: 7 })
  })

  it('behavior: what is too old, or too much, goes, the oldest first', async () => {
    const { clock, database, kept, record } = await createTimeline({
      ageMs: 3 * recordLimits.pruneMs,
      segments: 10
    })
    for (let jobId = 1n; jobId <= 15n; jobId++) {
      record({ type: 'job:final', ...about(clock, jobId) })
      await clock.advance(recordLimits.flushMs)
    }
    await clock.advance(recordLimits.pruneMs)
    expect(kept.status().segments).toBe(10)
    expect((await kept.read(5n)).events).toEqual([])
    expect((await kept.read(6n)).events).toHaveLength(1)

    await clock.advance(3 * recordLimits.pruneMs)
    expect(kept.status().segments).toBe(0)
    expect(await sizeOf(database, Bucket.timeline)).toBe(0)
    expect(await sizeOf(database, Bucket.timelineAges)).toBe(0)
  })

  it('behavior: a disk that does not write costs the events, is told once, and harms nothing', async () => {
    const memory = memoryDatabase()
    let isFull = true
    const database: Database = {
      ...memory,
      batch: async (...given) => {
        if (isFull) throw new Error('no space left')
        await memory.batch(...given)
      }
    }
    const { clock, kept, record, said } = await createTimeline({ database })
    for (let count = 0; count < 3; count++) {
      record({ type: 'job:indexed', ...about(clock) })
      await clock.advance(recordLimits.flushMs)
    }
    expect(kept.status().droppedEvents).toBe(3)
    expect(said).toHaveLength(1)
    isFull = false
    record({ type: 'job:final', ...about(clock) })
    expect((await kept.read(1n)).events).toMatchObject([{ type: 'job:final', job }])
  })

  it('behavior: a damaged segment is left out', async () => {
    const { clock, database, kept, record } = await createTimeline()
    record({ type: 'job:indexed', ...about(clock) })
    await clock.advance(recordLimits.flushMs)
    for await (const [key] of database.entries(bucketRange(Bucket.timeline)))
      await database.batch([{ type: 'put', key, value: Uint8Array.of(1, 2, 3, 4, 5, 6, 7) }])
    record({ type: 'job:final', ...about(clock) })
    expect((await kept.read(1n)).events).toMatchObject([{ type: 'job:final' }])
  })

  it('behavior: behind a disk that hangs, no more events wait than the limit', async () => {
    const disk = memoryDatabase()
    const { promise, resolve } = Promise.withResolvers<void>()
    const hanging: Database = {
      ...disk,
      async batch(operations, options) {
        await promise
        await disk.batch(operations, options)
      }
    }
    const { clock, kept, record } = await createTimeline({ database: hanging })
    for (let round = 0; round < 4; round++) {
      for (let n = 0; n < recordLimits.pendingEvents / 2; n++) {
        const jobId = BigInt(round * recordLimits.pendingEvents + n + 1)
        record({ type: 'job:indexed', ...about(clock, jobId) })
      }
      await clock.advance(recordLimits.flushMs)
    }
    expect(kept.status()).toMatchObject({
      pendingEvents: recordLimits.pendingEvents,
      droppedEvents: recordLimits.pendingEvents
    })
    resolve()
    await kept.stop()
    expect(kept.status()).toMatchObject({ pendingEvents: 0, segments: recordLimits.pendingEvents })
  })
})
