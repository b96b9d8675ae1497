import { expect, it } from 'vitest'
import { localTiming } from '../../../src/interface/index.js'
import { claimGate } from '../../../src/lease/claim-gate.js'
import { manualClock } from '../../helpers/manual-clock.js'

it('behavior: the gate opens after its quiet time though the clock was set back meanwhile', async () => {
  const clock = manualClock()
  const quietUntilMs = clock.now() + 10_000
  const opened: number[] = []
  const gate = claimGate({
    timing: localTiming,
    onListened: () => undefined,
    onChange: () => {
      if (gate.isOpen()) opened.push(clock.now())
    }
  })({ database: {}, own: { quietUntilMs: () => quietUntilMs }, hasPeers: () => true, clock })
  gate.start()
  await clock.advance(5_000)
  clock.step(-2_000)
  await clock.advance(6_000)
  expect(gate.isOpen()).toBe(false)
  await clock.advance(2_000)
  expect(opened).toEqual([quietUntilMs])
  gate.stop()
})
