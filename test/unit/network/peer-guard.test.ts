import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { expect, test } from 'vitest'
import { connectionGate } from '../../../src/network/gate.js'
import { guardLimits } from '../../../src/network/limits.js'
import { peerGuard } from '../../../src/network/peer-guard.js'
import { manualClock } from '../../helpers/manual-clock.js'
import { silentLogger } from '../../helpers/silent-logger.js'

test('behavior: hostile peers without number do not fill the log', async () => {
  const ids = await Promise.all(
    Array.from({ length: 40 }, async () => peerIdFromPrivateKey(await generateKeyPair('Ed25519')))
  )
  const clock = manualClock()
  const gate = connectionGate()
  const said: { level: string; message: string; fields: object }[] = []
  let connected = ids.slice(0, 30)
  const guard = peerGuard({ graylistScore: -80 })({
    libp2p: { getConnections: () => [], getPeers: () => connected },
    gate,
    scoreOf: () => -100,
    clock,
    logger: silentLogger(said)
  })
  const warnings = () => said.filter(({ level }) => level === 'warn').map(({ fields }) => fields)
  await guard.start()
  expect(ids.filter(id => gate.isDenied(id.toString()))).toHaveLength(30)
  expect(warnings()).toMatchObject([{ peer: ids[0]?.toString(), offence: 'score' }])

  await clock.advance(60_000)
  connected = ids.slice(30)
  await clock.advance(guardLimits.lookMs)
  expect(ids.filter(id => gate.isDenied(id.toString()))).toHaveLength(40)
  expect(warnings().slice(1)).toMatchObject([{ peer: ids[30]?.toString(), others: 29 }])
  await guard.stop()
})
