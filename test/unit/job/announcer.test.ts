import { describe, expect, it, onTestFinished } from 'vitest'
import type { JobReference, NodeEvent } from '../../../src/interface/index.js'
import { announcer } from '../../../src/job/announcer.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { silentLogger } from '../../helpers/silent-logger.js'
import { hash, jobOf } from '../gossip/fakes.js'

function make() {
  const clock = manualClock()
  const published: JobReference[] = []
  const events: NodeEvent[] = []
  const announcements = announcer()({
    gossip: { publishJobs: async jobs => void published.push(...jobs) },
    clock,
    logger: silentLogger(),
    emit: event => void events.push(event)
  })
  onTestFinished(() => announcements.stop())
  /** How often jobs were announced for the n-th time. */
  const times = (n: number): number =>
    events.filter(event => event.type === 'job:announced' && event.attempt === n).length
  return { clock, published, announcements, times }
}

describe('announcements', () => {
  it('behavior: they come again after 1, 2, 4, 8, 15, 30 and 30 s, until the job is final', async () => {
    const { clock, published, announcements } = make()
    const startMs = clock.now()
    const atMs: number[] = []
    announcements.add([jobOf(1)])
    for (let second = 0; second <= 91; second++) {
      while (atMs.length < published.length) atMs.push(clock.now() - startMs)
      await clock.advance(1_000)
    }
    expect(atMs).toEqual([0, 1_000, 3_000, 7_000, 15_000, 30_000, 60_000, 90_000])
    announcements.remove(hash(1))
    await clock.advance(120_000)
    expect(published).toHaveLength(8)
  })

  it('behavior: what another sequencer announces need not be said so soon; what was never said here is said once', async () => {
    const { clock, published, announcements } = make()
    // More than go in one turn.
    const jobs = Array.from({ length: 2_500 }, (_, n) => jobOf(n + 1))
    announcements.add(jobs)
    expect(published).toHaveLength(2_000)
    announcements.heard(jobs.map(({ key }) => key))
    await clock.advance(100)
    expect(published).toHaveLength(2_500)
    // The others wait for 2 s now.
    await clock.advance(1_500)
    expect(published).toHaveLength(3_000)
    await clock.advance(1_000)
    expect(published).toHaveLength(5_000)
  })

  it('behavior: however many peers come, all are announced again at most every 5 s', async () => {
    const { clock, announcements, times } = make()
    announcements.add([jobOf(1)])
    await clock.advance(60_000)
    expect(times(2)).toBe(1)
    for (let peer = 0; peer < 100; peer++) {
      announcements.restart()
      await clock.advance(100)
    }
    // At once, and after 5 s.
    expect(times(2)).toBe(3)
  })
})
