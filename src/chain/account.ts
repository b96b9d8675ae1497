import { readFile, stat } from 'node:fs/promises'
import { HDNodeWallet, isKeystoreJson, keccak256, Mnemonic, Wallet } from 'ethers'
import type { Address, Hex } from '../interface/bytes.js'
import { AccountError } from '../interface/errors.js'
import type { SigningAccount } from '../interface/submission-chain.js'

/** Where a worker's key comes from. */
export type AccountSource =
  /** A keystore v3 file, as geth, foundry and wallets write it, and a file with its password. */
  | { kind: 'keystore'; keystorePath: string; passwordPath: string }
  | { kind: 'private-key'; privateKey: string }
  /** Account number `index` of anvil's and hardhat's well-known phrase. For local chains only. */
  | { kind: 'development'; index: number }

const DEVELOPMENT_PHRASE = 'test test test test test test test test test test test junk'
/** anvil and hardhat; ganache and geth --dev. Anybody can spend what a development account holds elsewhere. */
const LOCAL_CHAIN_IDS = new Set([31337, 1337])
/** A keystore is about 500 bytes. */
const MAX_KEYSTORE_BYTES = 64 << 10

/**
 * The account that signs a worker's transactions.
 * Throws AccountError for files that cannot be read, a wrong password, a key that is not one, and for a development account on a real chain.
 */
export async function loadAccount(source: AccountSource, chainId: number): Promise<SigningAccount> {
  return signing(await loadWallet(source, chainId))
}

/** The same account as ethers' wallet, without a provider: for clients, which also pay. Throws AccountError. */
export async function loadWallet(source: AccountSource, chainId: number): Promise<Wallet | HDNodeWallet> {
  switch (source.kind) {
    case 'keystore':
      return fromKeystore(source.keystorePath, source.passwordPath)
    case 'private-key':
      return fromPrivateKey(source.privateKey)
    case 'development':
      return fromDevelopmentPhrase(source.index, chainId)
  }
}

async function fromKeystore(keystorePath: string, passwordPath: string): Promise<Wallet> {
  const json = await read(keystorePath, 'keystore')
  if (!isKeystoreJson(json)) {
    throw new AccountError(
      `${keystorePath} is not a keystore (version 3): export the account again as a keystore file`
    )
  }
  // Editors end a file with a line break; a password that ends with one cannot be typed.
  const password = (await read(passwordPath, 'password')).replace(/\r?\n$/, '')
  try {
    const wallet = await Wallet.fromEncryptedJson(json, password)
    return new Wallet(wallet.privateKey)
  } catch (err) {
    if (err instanceof Error && /incorrect password/i.test(err.message)) {
      throw new AccountError(`The password in ${passwordPath} does not open the keystore ${keystorePath}`)
    }
    throw new AccountError(`The keystore ${keystorePath} cannot be opened: export the account again`, {
      cause: err
    })
  }
}

async function read(path: string, what: string): Promise<string> {
  try {
    const { size } = await stat(path)
    if (size > MAX_KEYSTORE_BYTES) throw new Error('it is larger than 64 KiB')
    return await readFile(path, 'utf8')
  } catch (err) {
    throw new AccountError(
      `The ${what} file ${path} cannot be read (${(err as Error).message}): check the path`,
      {
        cause: err
      }
    )
  }
}

function fromPrivateKey(text: string): Wallet {
  const digits = text.trim().replace(/^0x/, '')
  // Neither the key nor ethers' error, which quotes it, may reach a log.
  const error = () =>
    new AccountError('The private key is not one: 64 hex digits are needed, with or without 0x')
  if (!/^[0-9a-fA-F]{64}$/.test(digits)) throw error()
  try {
    return new Wallet(`0x${digits}`)
  } catch {
    throw error()
  }
}

function fromDevelopmentPhrase(index: number, chainId: number): HDNodeWallet {
  if (!LOCAL_CHAIN_IDS.has(chainId)) {
    throw new AccountError(
      `Development accounts are known to everybody, so they are refused on chain ${chainId}: use a keystore`
    )
  }
  if (!Number.isInteger(index) || index < 0 || index >= 2 ** 31) {
    throw new AccountError(`${index} is not the index of a development account: use 0 or more`)
  }
  return HDNodeWallet.fromMnemonic(Mnemonic.fromPhrase(DEVELOPMENT_PHRASE), `m/44'/60'/0'/0/${index}`)
}

function signing(wallet: Wallet | HDNodeWallet): SigningAccount {
  return {
    address: wallet.address as Address,
    async sign({ chainId, nonce, to, data, gasLimit, fees }) {
      const offer =
        fees.type === 'legacy'
          ? { type: 0, gasPrice: fees.gasPrice }
          : { type: 2, maxFeePerGas: fees.maxFeePerGas, maxPriorityFeePerGas: fees.maxPriorityFeePerGas }
      const raw = await wallet.signTransaction({ chainId, nonce, to, data, gasLimit, value: 0n, ...offer })
      return { raw: raw as Hex, hash: keccak256(raw) as Hex }
    }
  }
}
