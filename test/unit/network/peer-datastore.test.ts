import { readdir, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { Key } from 'interface-datastore'
import { expect, it } from 'vitest'
import { peerStoreLimits } from '../../../src/network/limits.js'
import { openPeerDatastore } from '../../../src/network/peer-datastore.js'
import { peerLimit } from '../../../src/network/peer-limit.js'
import { providerLimits, providerRecords } from '../../../src/network/provider-records.js'
import { temporaryFolder } from '../db/fixture.js'

it('behavior: a damaged store of peers is set aside and begun anew: peers are found again', async () => {
  const path = join(await temporaryFolder(), 'peers')
  await (await openPeerDatastore(path)).close()
  await truncate(join(path, 'CURRENT'), 0)
  const again = await openPeerDatastore(path)
  await expect(openPeerDatastore(path)).rejects.toMatchObject({ code: 'BUFFALO_ERR_DATABASE_LOCKED' })
  await again.close()
  expect(await readdir(path)).toContain('CURRENT')
  expect(await readdir(`${path}.corrupt`)).toContain('CURRENT')
})

it('behavior: what strangers want the DHT to keep for them is not kept on disk', async () => {
  for (const path of [join(await temporaryFolder(), 'peers'), undefined]) {
    const store = await openPeerDatastore(path)
    await store.put(new Key('/dht/provider/bafy/12D3'), new Uint8Array(8))
    await store.put(new Key('/dht/record/pk'), new Uint8Array(8))
    await store.put(new Key('/peers/12D3'), new Uint8Array(8))
    const names: string[] = []
    for await (const { key } of store.query({})) names.push(key.toString())
    expect(names).toEqual(['/peers/12D3'])
    await store.close()
  }
})

it('behavior: who provides a content is kept in memory, and told', async () => {
  const path = join(await temporaryFolder(), 'peers')
  for (const store of [await openPeerDatastore(path), await openPeerDatastore()]) {
    const keys = ['/dht/provider/one/a', '/dht/provider/one/b', '/dht/provider/two/a'].map(
      name => new Key(name)
    )
    for (const key of keys) await store.put(key, Buffer.from(key.toString()))
    const below = async (prefix: string): Promise<string[]> => {
      const names: string[] = []
      for await (const { key } of store.query({ prefix })) names.push(key.toString())
      return names
    }
    expect(await below('/dht/provider/one')).toEqual(['/dht/provider/one/a', '/dht/provider/one/b'])
    expect(await below('/dht/provider')).toHaveLength(3)
    await store.delete(new Key('/dht/provider/one/a'))
    expect(await below('/dht/provider/one')).toEqual(['/dht/provider/one/b'])
    await store.close()
  }
})

it('behavior: neither one peer nor all of them fill the memory with provider records', () => {
  const records = providerRecords<string>({ records: 5, recordsOfPeer: 3 })
  for (let content = 0; content < 100; content++) {
    records.put(`/dht/provider/${content}/greedy`, new Uint8Array())
  }
  expect(records.below('/dht/provider')).toHaveLength(3)
  for (let peer = 0; peer < 100; peer++) records.put(`/dht/provider/x/${peer}`, new Uint8Array())
  const left = records.below('/dht/provider').map(({ key }) => key)
  expect(left).toHaveLength(5)
  expect(left.at(-1)).toBe('/dht/provider/x/99')
  records.delete('/dht/provider/x/99')
  records.put('/dht/provider/3/greedy', new Uint8Array())
  expect(records.below('/dht/provider/3')).toHaveLength(1)
})

it('behavior: keys without number do not fill the disk, nor push out the peers of earlier runs', async () => {
  const path = join(await temporaryFolder(), 'peers')
  const names = async (store: Awaited<ReturnType<typeof openPeerDatastore>>): Promise<string[]> => {
    const found: string[] = []
    for await (const key of store.queryKeys({ prefix: '/peers' })) found.push(key.toString())
    return found
  }
  const first = await openPeerDatastore(path)
  for (let n = 0; n < 10; n++) await first.put(new Key(`/peers/known${n}`), new Uint8Array(8))
  await first.close()
  const self = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
  const second = await openPeerDatastore(path, self)
  await second.put(new Key(`/peers/${self.toCID()}`), new Uint8Array(8))
  for (let n = 0; n < peerStoreLimits.peers + 50; n++) {
    await second.put(new Key(`/peers/made-up${n}`), new Uint8Array(8))
  }
  const left = await names(second)
  expect(left).toHaveLength(peerStoreLimits.peers + 1)
  expect(left).toContain(`/peers/${self.toCID()}`)
  expect(left.filter(name => name.startsWith('/peers/known'))).toHaveLength(10)
  expect(left).toContain(`/peers/made-up${peerStoreLimits.peers + 49}`)
  expect(left).not.toContain('/peers/made-up0')
  await second.close()
})

it('behavior: nor do they fill the memory of a node without a folder', async () => {
  const store = await openPeerDatastore()
  for (let n = 0; n < peerStoreLimits.peers + 50; n++) {
    await store.put(new Key(`/peers/made-up${n}`), new Uint8Array(8))
  }
  let left = 0
  for await (const _ of store.queryKeys({ prefix: '/peers' })) left++
  expect(left).toBe(peerStoreLimits.peers)
})

it('behavior: of peers that are used, the others are forgotten first', () => {
  const limit = peerLimit({ peers: 3, residents: 1 })
  expect(['resident', 'a', 'b'].flatMap(limit.known)).toEqual([])
  expect(limit.used('a')).toEqual([])
  expect(limit.used('c')).toEqual(['b'])
  limit.removed('resident')
  expect(limit.used('d')).toEqual([])
  expect(limit.used('e')).toEqual(['a'])
})

it('behavior: of a content that many provide some are told, old and new', () => {
  const records = providerRecords<string>()
  for (let peer = 0; peer < 100; peer++) records.put(`/dht/provider/x/${peer}`, new Uint8Array())
  const told = records.below('/dht/provider/x').map(({ key }) => key)
  expect(new Set(told).size).toBe(providerLimits.told)
  expect(told[0]).toBe('/dht/provider/x/0')
  expect(told.at(-1)).toBe('/dht/provider/x/99')
  expect(records.below('/dht/provider')).toHaveLength(100)
})
