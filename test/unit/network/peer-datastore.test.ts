import { readdir, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { Key } from 'interface-datastore'
import { expect, it } from 'vitest'
import { openPeerDatastore } from '../../../src/network/peer-datastore.js'
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

it('behavior: what strangers want the DHT to keep for them is not kept', async () => {
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
