import { expect, it } from 'vitest'
import { requestMeter } from '../../../src/network/request-meter.js'
import { manualClock } from '../../helpers/manual-clock.js'

function make() {
  const clock = manualClock()
  const meter = requestMeter({
    peer: { perSecond: 10, burst: 20 },
    all: { perSecond: 50, burst: 200 },
    maxPeers: 100
  })({ clock })
  return { clock, meter }
}

it('behavior: beyond its burst a peer rests until its requests are paid for', async () => {
  const { clock, meter } = make()
  for (let n = 0; n < 20; n++) expect(meter.charge('a', 1)).toBe(0)
  expect(meter.charge('a', 5)).toBe(500)
  expect(meter.waitMs('a')).toBe(500)
  expect(meter.charge('b', 1)).toBe(0)
  await clock.advance(500)
  expect(meter.waitMs('a')).toBe(0)
  expect(meter.charge('a', 1)).toBe(100)
})

it('behavior: all peers share a rate, however many they are', async () => {
  const { clock, meter } = make()
  for (let n = 0; n < 200; n++) expect(meter.charge(`peer ${n}`, 1)).toBe(0)
  expect(meter.charge('one more', 1)).toBe(20)
  await clock.advance(4_000)
  expect(meter.charge('one more', 1)).toBe(0)
})
