import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import {
  generateKeyPair,
  privateKeyFromProtobuf,
  privateKeyToProtobuf,
  publicKeyFromRaw
} from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey, PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromPublicKey, peerIdFromString } from '@libp2p/peer-id'
import { IdentityError, InvalidMessageError, type PeerKey } from '../interface/index.js'
import { identityBytes } from './limits.js'

/**
 * The node's Ed25519 key, from a file of libp2p's protobuf form; made and written there if there is none. The file is
 * written whole or not at all, for its owner alone (mode 0600), and is on disk when this resolves.
 *
 * @throws IdentityError if the file cannot be read or written, or is not an Ed25519 key
 */
export async function loadOrCreateIdentity(path: string): Promise<PrivateKey> {
  const existing = await load(path)
  if (existing !== undefined) return existing
  const key = await generateKeyPair('Ed25519')
  await create(path, privateKeyToProtobuf(key))
  // Another process may have been first: then its key is the identity.
  const stored = await load(path)
  if (stored === undefined)
    throw new IdentityError(`The identity ${path} vanished while it was written: start again`)
  return stored
}

/** The peer key of a private key, or of the peer id of an Ed25519 key. Throws InvalidMessageError for another key. */
export function peerKeyOf(key: PrivateKey | PeerId): PeerKey {
  const publicKey = key.publicKey
  if (publicKey === undefined || publicKey.type !== 'Ed25519') {
    throw new InvalidMessageError('Only peers with an Ed25519 key take part')
  }
  return Buffer.from(publicKey.raw).toString('hex')
}

/** The peer id of a peer key. Throws InvalidMessageError for what is not 32 bytes of hex. */
export function peerIdOf(peerKey: PeerKey): PeerId {
  if (!/^[0-9a-f]{64}$/.test(peerKey))
    throw new InvalidMessageError(`${peerKey} is not a peer key: 64 hex digits`)
  return peerIdFromPublicKey(publicKeyFromRaw(Buffer.from(peerKey, 'hex')))
}

/** The peer key of a peer id as text (`12D3KooW…`). Throws InvalidMessageError for what is not an Ed25519 peer id. */
export function peerKeyOfString(peerId: string): PeerKey {
  let parsed: PeerId
  try {
    parsed = peerIdFromString(peerId)
  } catch (err) {
    throw new InvalidMessageError(`${peerId} is not a peer id: it looks like 12D3KooW…`, { cause: err })
  }
  return peerKeyOf(parsed)
}

async function load(path: string): Promise<Ed25519PrivateKey | undefined> {
  let bytes: Uint8Array
  try {
    const { size } = await stat(path)
    if (size > identityBytes) throw notAKey(path, `it is ${size} bytes long`)
    bytes = await readFile(path)
  } catch (err) {
    if (err instanceof IdentityError) throw err
    if (isCode(err, 'ENOENT')) return undefined
    throw new IdentityError(
      `The identity ${path} cannot be read (${messageOf(err)}): check its owner and mode`,
      {
        cause: err
      }
    )
  }
  let key: PrivateKey
  try {
    key = privateKeyFromProtobuf(bytes)
  } catch (err) {
    throw notAKey(path, messageOf(err), err)
  }
  if (key.type !== 'Ed25519') throw notAKey(path, `it is an ${key.type} key`)
  return key
}

/** Writes the file beside its place, syncs it, and links it there: fails softly if something is there already. */
async function create(path: string, bytes: Uint8Array): Promise<void> {
  const folder = dirname(path)
  const draft = `${path}.${randomUUID()}.tmp`
  try {
    await mkdir(folder, { recursive: true })
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await link(draft, path).catch((err: unknown) => {
      if (!isCode(err, 'EEXIST')) throw err
    })
    await syncFolder(folder)
  } catch (err) {
    throw new IdentityError(
      `The identity ${path} cannot be written (${messageOf(err)}): choose a data directory that you may write to`,
      { cause: err }
    )
  } finally {
    await rm(draft, { force: true })
  }
}

/** The name of the new file survives a crash of the machine only once its folder is synced. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function notAKey(path: string, problem: string, cause?: unknown): IdentityError {
  return new IdentityError(
    `The identity ${path} is not an Ed25519 key (${problem}): restore it from a backup, or move it away to get a new identity, which then must be registered`,
    { cause }
  )
}

function isCode(err: unknown, code: string): boolean {
  return err instanceof Error && 'code' in err && err.code === code
}

function messageOf(err: unknown): string {
  return err instanceof Error ? err.message : String(err)
}
