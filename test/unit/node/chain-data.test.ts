import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fitToChain } from '../../../node/chain-data.js'
import { type OpenedDatabase, openDatabase } from '../../../src/db/open.js'
import { type OutboxEntry, outboxRepository } from '../../../src/db/repositories/outbox.js'
import { type Hex, systemClock, WrongChainError } from '../../../src/interface/index.js'
import { silentLogger } from '../../helpers/silent-logger.js'

const first: Hex = `0x${'11'.repeat(32)}`
const second: Hex = `0x${'22'.repeat(32)}`
const account: Hex = `0x${'0a'.repeat(20)}`
const storage = { clock: systemClock, logger: silentLogger() }

let dataDir: string
let opened: OpenedDatabase
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'buffalo-chain-data-'))
  opened = await open()
})
afterEach(async () => {
  await opened.database.close()
  await rm(dataDir, { recursive: true })
})

const open = () => openDatabase({ dataDir, isNewIdentity: false }, storage)
const fit = (chainId: number, genesisHash: Hex | undefined) =>
  fitToChain(opened, { dataDir, chainId, genesisHash }, storage)

/** A signed transaction that has not been mined, as a node leaves it behind. */
async function leaveTransaction(chainId: number): Promise<void> {
  const entry: OutboxEntry = {
    chainId,
    account,
    nonce: 0,
    to: account,
    data: '0x',
    gasLimit: 1n,
    items: [],
    hashes: ['0x01'],
    raw: '0x02',
    fees: { type: 'legacy', gasPrice: 1n },
    sent: true
  }
  await opened.database.batch([outboxRepository(opened.database, chainId, account).put(entry)])
}

const outboxOf = (chainId: number) => outboxRepository(opened.database, chainId, account).entries()

test('behavior: a devnet that is started anew meets no transaction of the one before, which is set aside', async () => {
  opened = await fit(31_337, first)
  await leaveTransaction(31_337)
  opened = await fit(31_337, first)
  expect(await outboxOf(31_337)).toHaveLength(1)

  opened = await fit(31_337, second)
  expect(await outboxOf(31_337)).toEqual([])
  // The key cannot have signed anything for jobs of this chain: there is nothing to wait for.
  expect(opened.isContinuous).toBe(true)
  expect(await readdir(dataDir)).toContain('db.other-chain')

  // And another time, which leaves no more behind.
  opened = await fit(31_337, first)
  await opened.database.close()
  opened = await open()
  expect(opened.isContinuous).toBe(true)
  expect(await fit(31_337, first)).toBe(opened)
  expect((await readdir(dataDir)).filter(name => name.startsWith('db.'))).toEqual(['db.other-chain'])
})

test('behavior: on every other chain the start ends with what to do, and nothing is touched', async () => {
  opened = await fit(1, first)
  await leaveTransaction(1)
  await expect(fit(1, second)).rejects.toThrow(WrongChainError)
  await expect(fit(1, second)).rejects.toThrow(/--rpc-url, or choose another --data-dir/)
  expect(await outboxOf(1)).toHaveLength(1)
  expect(await fit(1, first)).toBe(opened)
})

test('behavior: an endpoint without the first block is compared with nothing', async () => {
  expect(await fit(1, undefined)).toBe(opened)
})
