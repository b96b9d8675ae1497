import type { GossipSub } from '@libp2p/gossipsub'
import { TypedEventEmitter } from '@libp2p/interface'
import { describe, expect, test } from 'vitest'
import { forwarder } from '../../../src/network/forwarder.js'
import { manualClock } from '../../helpers/manual-clock.js'

/** What the forwarder sees of gossipsub. */
class Gossipsub extends TypedEventEmitter<Record<string, CustomEvent>> {
  passedOn: string[] = []
  reportMessageValidationResult(msgId: string, source: string, acceptance: string): void {
    this.passedOn.push(`${msgId} of ${source}: ${acceptance}`)
  }
  hear(msgId: string): void {
    this.dispatchEvent(
      new CustomEvent('gossipsub:message', { detail: { msgId, propagationSource: 'alice' } })
    )
  }
}

function setUp(random = 0.5) {
  const gossipsub = new Gossipsub()
  const clock = manualClock()
  const service = forwarder({ holdMs: 10, spreadMs: 20 })({
    gossipsub: gossipsub as unknown as GossipSub,
    clock,
    random: () => random
  })
  service.start()
  return { gossipsub, clock, service }
}

describe('forwarder', () => {
  test('behavior: messages wait, and are passed on together', async () => {
    const { gossipsub, clock } = setUp()
    gossipsub.hear('a')
    await clock.advance(15)
    gossipsub.hear('b')
    expect(gossipsub.passedOn).toEqual([])
    await clock.advance(5)
    expect(gossipsub.passedOn).toEqual(['a of alice: accept', 'b of alice: accept'])
    gossipsub.hear('c')
    await clock.advance(20)
    expect(gossipsub.passedOn).toHaveLength(3)
  })

  test('behavior: the wait is different from node to node', async () => {
    const first = setUp(0)
    const second = setUp(0.9)
    for (const { gossipsub, clock } of [first, second]) {
      gossipsub.hear('a')
      await clock.advance(10)
    }
    expect(first.gossipsub.passedOn).toHaveLength(1)
    expect(second.gossipsub.passedOn).toHaveLength(0)
  })

  test('behavior: nothing is passed on after the end', async () => {
    const { gossipsub, clock, service } = setUp()
    gossipsub.hear('a')
    await service.stop()
    gossipsub.hear('b')
    await clock.advance(100)
    expect(gossipsub.passedOn).toEqual([])
  })

  test('error: another gossipsub, which could not pass anything on', () => {
    const components = { gossipsub: {} as GossipSub, clock: manualClock(), random: Math.random }
    expect(() => forwarder({ holdMs: 1, spreadMs: 1 })(components)).toThrow('does not pass messages on')
  })
})
