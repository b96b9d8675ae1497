import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Transaction, Wallet } from 'ethers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadAccount } from '../../../src/chain/account.js'
import { ensureRegistered } from '../../../src/chain/registration.js'
import { AccountError, systemClock } from '../../../src/interface/index.js'
import { type OracleChain, startOracleChain } from '../../helpers/oracle-chain.js'
import { silentLogger } from '../../helpers/silent-logger.js'

let directory: string
let oracle: OracleChain
const privateKey = `0x${'11'.repeat(32)}`

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'buffalo-account-'))
  oracle = await startOracleChain({ workers: 1 })
})
afterAll(async () => {
  await oracle.stop()
  await rm(directory, { recursive: true })
})

const options = { pollIntervalMs: 10, timeoutMs: 20_000, clock: systemClock, log: silentLogger() }

test('loadAccount: a keystore opens with its password file, and not with another', async () => {
  const keystorePath = join(directory, 'keystore.json')
  const passwordPath = join(directory, 'password')
  const wrongPath = join(directory, 'wrong')
  const { address } = new Wallet(privateKey)
  const { encryptKeystoreJson } = await import('ethers')
  const scrypt = { N: 2, r: 1, p: 1 }
  await writeFile(keystorePath, await encryptKeystoreJson({ address, privateKey }, 'open sesame', { scrypt }))
  await writeFile(passwordPath, 'open sesame\n')
  await writeFile(wrongPath, 'close')
  const account = await loadAccount({ kind: 'keystore', keystorePath, passwordPath }, 1)
  expect(account.address).toBe(address)
  await expect(loadAccount({ kind: 'keystore', keystorePath, passwordPath: wrongPath }, 1)).rejects.toThrow(
    /does not open the keystore/
  )
  await expect(
    loadAccount({ kind: 'keystore', keystorePath: passwordPath, passwordPath }, 1)
  ).rejects.toThrow(/is not a keystore/)
  const missing = join(directory, 'missing')
  await expect(loadAccount({ kind: 'keystore', keystorePath: missing, passwordPath }, 1)).rejects.toThrow(
    /ENOENT/
  )
})

test('loadAccount: a key that is not one is refused without being quoted', async () => {
  for (const bad of ['0x1234', 'f'.repeat(64), 'correct horse']) {
    const error = await loadAccount({ kind: 'private-key', privateKey: bad }, 1).catch((err: unknown) => err)
    expect(error).toBeInstanceOf(AccountError)
    expect(String(error)).not.toContain(bad)
  }
})

test('loadAccount: development accounts are those of anvil, and are refused on a real chain', async () => {
  const { address } = await loadAccount({ kind: 'development', index: 0 }, 31337)
  expect(address).toBe('0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266')
  await expect(loadAccount({ kind: 'development', index: 0 }, 1)).rejects.toThrow(/known to everybody/)
})

test('sign: the hash is that of the raw transaction, with either kind of fees', async () => {
  const account = await loadAccount({ kind: 'private-key', privateKey }, 1)
  const transaction = { chainId: 1, nonce: 7, to: account.address, data: '0x12', gasLimit: 50_000n } as const
  const modern = await account.sign({
    ...transaction,
    fees: { type: 'eip1559', maxFeePerGas: 2n, maxPriorityFeePerGas: 1n }
  })
  const legacy = await account.sign({ ...transaction, fees: { type: 'legacy', gasPrice: 3n } })
  expect(Transaction.from(modern.raw)).toMatchObject({
    hash: modern.hash,
    from: account.address,
    nonce: 7,
    type: 2
  })
  expect(Transaction.from(legacy.raw)).toMatchObject({ hash: legacy.hash, gasPrice: 3n, type: 0 })
})

test('ensureRegistered: it registers once, and takes an account from another node only if it is told to', async () => {
  const account = await loadAccount({ kind: 'development', index: 9 }, 31337)
  const [first, second] = ['ab'.repeat(32), 'cd'.repeat(32)]
  expect(await ensureRegistered(oracle.client, account, first ?? '', options)).toBe(true)
  expect(await ensureRegistered(oracle.client, account, first ?? '', options)).toBe(false)
  const stolen = ensureRegistered(oracle.client, account, second ?? '', options)
  await expect(stolen).rejects.toThrow(AccountError)
  await expect(stolen).rejects.toThrow(/registered for another node.*--replace-registration/)
  expect(await ensureRegistered(oracle.client, account, first ?? '', options)).toBe(false)
  const replace = { ...options, replace: true }
  expect(await ensureRegistered(oracle.client, account, second ?? '', replace)).toBe(true)
})

test('ensureRegistered: it pays no more for gas than it may', async () => {
  const account = await loadAccount({ kind: 'development', index: 8 }, 31337)
  const registered = ensureRegistered(oracle.client, account, 'ab'.repeat(32), {
    ...options,
    maxFeePerGas: 1n
  })
  await expect(registered).rejects.toThrow(/more than this node may pay.*--max-fee-gwei/)
})

test('ensureRegistered: an account without funds is told what to do', async () => {
  const account = await loadAccount({ kind: 'private-key', privateKey: '22'.repeat(32) }, 31337)
  const registered = ensureRegistered(oracle.client, account, 'ab'.repeat(32), options)
  await expect(registered).rejects.toThrow(AccountError)
  await expect(registered).rejects.toThrow(new RegExp(`${account.address}.*send it some`))
})
