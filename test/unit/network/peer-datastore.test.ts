import { readdir, truncate } from 'node:fs/promises'
import { join } from 'node:path'
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
