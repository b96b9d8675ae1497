import { generateKeyPair } from '@libp2p/crypto/keys'
import { expect, test } from 'vitest'
import { systemClock } from '../../../src/interface/index.js'
import { createNetwork } from '../../../src/network/libp2p.js'
import { limitSeen } from '../../../src/network/seen-limit.js'
import { silentLogger } from '../../helpers/silent-logger.js'

/** Of gossipsub, what remembers messages. */
function fakeService() {
  const entries = new Map<string, number>()
  const records = new Map<string, object>()
  const queue: string[] = []
  return {
    seenCache: {
      entries,
      put(id: string): boolean {
        if (entries.has(id)) return true
        entries.set(id, 0)
        return false
      }
    },
    score: {
      deliveryRecords: {
        records,
        queue,
        ensureRecord(id: string): object {
          const record = records.get(id) ?? {}
          if (!records.has(id)) queue.push(id)
          records.set(id, record)
          return record
        }
      }
    }
  }
}

test('behavior: of more messages than the limit, the oldest are forgotten', () => {
  const {
    seenCache,
    score: { deliveryRecords }
  } = limitSeen(fakeService(), 3)
  for (const id of ['a', 'b', 'c', 'd', 'e', 'e']) {
    seenCache.put(id)
    deliveryRecords.ensureRecord(id)
  }
  expect([...seenCache.entries.keys()]).toEqual(['c', 'd', 'e'])
  expect(seenCache.put('e')).toBe(true)
  expect([...deliveryRecords.records.keys()]).toEqual(['c', 'd', 'e'])
  expect(deliveryRecords.queue).toEqual(['c', 'd', 'e'])
  expect(deliveryRecords.ensureRecord('e')).toBe(deliveryRecords.records.get('e'))
})

test('behavior: a gossipsub that remembers elsewhere is noticed', () => {
  expect(() => limitSeen({}, 3)).toThrow('seen-limit.ts')
})

test('behavior: the gossipsub of this version has its memory bounded', async () => {
  const network = await createNetwork(
    { privateKey: await generateKeyPair('Ed25519'), topics: [] },
    { clock: systemClock, logger: silentLogger() }
  )
  expect(network.libp2p.services.gossipsub).toMatchObject({
    seenCache: { entries: new Map(), put: expect.any(Function) },
    score: { deliveryRecords: { records: new Map(), ensureRecord: expect.any(Function) } }
  })
  await network.stop()
})
