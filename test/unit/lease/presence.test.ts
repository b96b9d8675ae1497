import { describe, expect, it } from 'vitest'
import type { Presence } from '../../../src/interface/index.js'
import { presencePublisher } from '../../../src/lease/presence.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { silentLogger } from '../../helpers/silent-logger.js'
import { testTiming } from '../../helpers/worker-cluster.js'

const { presenceIntervalMs } = testTiming

function make({ workers = 1, lot = 0 } = {}) {
  const clock = manualClock()
  const sent: number[] = []
  const publisher = presencePublisher({
    self: '01',
    account: '0x01',
    timing: testTiming,
    models: () => [],
    capacity: () => 1,
    load: () => 0,
    workers: () => workers,
    isOutOfTime: () => false
  })({
    gossip: {
      async publishPresence({ sentAtMs }: Presence) {
        sent.push(sentAtMs)
      }
    },
    clock,
    random: () => lot,
    logger: silentLogger()
  })
  return { clock, sent, publisher }
}

describe('presence', () => {
  it('behavior: it is said once in an interval, and newcomers are answered within a quarter of one, together', async () => {
    const { clock, sent, publisher } = make()
    publisher.start()
    await clock.advance(3 * presenceIntervalMs)
    expect(sent).toHaveLength(4)
    publisher.answer()
    publisher.answer()
    await clock.advance(presenceIntervalMs / 4)
    expect(sent).toHaveLength(5)
    publisher.stop()
    await clock.advance(10 * presenceIntervalMs)
    expect(sent).toHaveLength(5)
  })

  it('behavior: what is said for another reason answers newcomers, too, and counts for the interval', async () => {
    const { clock, sent, publisher } = make()
    publisher.start()
    publisher.answer()
    await publisher.publish()
    expect(sent).toHaveLength(2)
    await clock.advance(presenceIntervalMs - 1)
    expect(sent).toHaveLength(2)
    await clock.advance(1)
    expect(sent).toHaveLength(3)
    publisher.stop()
  })

  it('behavior: it is told as of now where the clock was set back: others would not take it until then', async () => {
    const { clock, sent, publisher } = make()
    publisher.start()
    await clock.advance(presenceIntervalMs)
    clock.step(-3_600_000)
    await clock.advance(presenceIntervalMs)
    expect(sent.at(-1)).toBe(clock.now())
    publisher.stop()
  })

  it('behavior: of many workers, some answer newcomers, by lot', async () => {
    for (const [lot, answers] of [
      [0.01, 1],
      [0.02, 0]
    ]) {
      const { clock, sent, publisher } = make({ workers: 1_000, lot: lot ?? 0 })
      publisher.start()
      publisher.answer()
      await clock.advance(presenceIntervalMs / 2)
      expect(sent).toHaveLength(1 + (answers ?? 0))
      publisher.stop()
    }
  })
})
