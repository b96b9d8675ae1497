import { generateKeyPair } from '@libp2p/crypto/keys'
import { expect, test } from 'vitest'
import { systemClock } from '../../../src/interface/index.js'
import { createNetwork } from '../../../src/network/libp2p.js'
import { limitSeen } from '../../../src/network/seen-limit.js'
import { silentLogger } from '../../helpers/silent-logger.js'

function fakeService() {
  const entries = new Map<string, number>()
  return {
    seenCache: {
      entries,
      put(key: string) {
        if (entries.has(key)) return true
        entries.set(key, 0)
        return false
      }
    }
  }
}

test('behavior: of more messages than the limit, the oldest are forgotten', () => {
  const { seenCache } = limitSeen(fakeService(), 3)
  for (const id of ['a', 'b', 'c', 'd', 'e', 'e']) seenCache.put(id)
  expect([...seenCache.entries.keys()]).toEqual(['c', 'd', 'e'])
  expect(seenCache.put('e')).toBe(true)
})

test('behavior: a gossipsub without such a memory is noticed', () => {
  expect(() => limitSeen({}, 3)).toThrow('seenCache')
})

test('behavior: the gossipsub of this version has its memory bounded', async () => {
  const network = await createNetwork(
    { privateKey: await generateKeyPair('Ed25519'), topics: [] },
    { clock: systemClock, logger: silentLogger() }
  )
  const { gossipsub } = network.libp2p.services
  const cache = 'seenCache' in gossipsub ? gossipsub.seenCache : undefined
  expect(cache).toMatchObject({ entries: new Map() })
  expect(Object.hasOwn(cache as object, 'put')).toBe(true)
  await network.stop()
})
