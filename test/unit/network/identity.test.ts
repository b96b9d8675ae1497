import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadOrCreateIdentity, peerIdOf, peerKeyOf, peerKeyOfString } from '../../../src/network/identity.js'

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'buffalo-identity-'))
  path = join(folder, 'data', 'identity.key')
})
afterEach(() => rm(folder, { recursive: true }))

const refused = (text: string) =>
  expect.objectContaining({ code: 'BUFFALO_ERR_IDENTITY', message: expect.stringContaining(text) })

describe('loadOrCreateIdentity', () => {
  test('creation: makes an Ed25519 key that only its owner may read, and leaves nothing else behind', async () => {
    const key = await loadOrCreateIdentity(path)
    expect(key.type).toBe('Ed25519')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await readdir(join(folder, 'data'))).toEqual(['identity.key'])
  })

  test('restart: the key is the same', async () => {
    const first = await loadOrCreateIdentity(path)
    const second = await loadOrCreateIdentity(path)
    expect(second.equals(first)).toBe(true)
  })

  test('race: of several that begin at once, all get one key', async () => {
    const keys = await Promise.all(Array.from({ length: 8 }, () => loadOrCreateIdentity(path)))
    expect(new Set(keys.map(peerKeyOf)).size).toBe(1)
    expect(await readdir(join(folder, 'data'))).toEqual(['identity.key'])
  })

  test.each([
    ['empty', new Uint8Array()],
    ['garbage', new Uint8Array(68).fill(0xff)],
    ['text', Buffer.from('not a key')],
    ['far too long', new Uint8Array(100_000)]
  ])('corruption: a file that is %s is refused, kept, and the message says what to do', async (_, bytes) => {
    await mkdir(join(folder, 'data'))
    await writeFile(path, bytes)
    await expect(loadOrCreateIdentity(path)).rejects.toEqual(refused('restore it from a backup'))
    expect((await stat(path)).size).toBe(bytes.byteLength)
  })

  test('corruption: a cut key is refused', async () => {
    await mkdir(join(folder, 'data'))
    await writeFile(path, privateKeyToProtobuf(await generateKeyPair('Ed25519')).subarray(0, 40))
    await expect(loadOrCreateIdentity(path)).rejects.toEqual(refused('is not an Ed25519 key'))
  })

  test('type: a key of another type is refused', async () => {
    await mkdir(join(folder, 'data'))
    await writeFile(path, privateKeyToProtobuf(await generateKeyPair('secp256k1')))
    await expect(loadOrCreateIdentity(path)).rejects.toEqual(refused('it is an secp256k1 key'))
  })

  test('access: a place that cannot be written is refused', async () => {
    await writeFile(join(folder, 'data'), 'a file in place of the folder')
    await expect(loadOrCreateIdentity(path)).rejects.toEqual(refused('data'))
  })
})

describe('peer keys', () => {
  test('round trip: peer key, peer id and its text name the same peer', async () => {
    const key = await generateKeyPair('Ed25519')
    const peerKey = peerKeyOf(key)
    expect(peerKey).toMatch(/^[0-9a-f]{64}$/)
    expect(peerKeyOf(peerIdOf(peerKey))).toBe(peerKey)
    expect(peerKeyOfString(peerIdOf(peerKey).toString())).toBe(peerKey)
  })

  test('refusal: what names no Ed25519 peer', async () => {
    const invalid = expect.objectContaining({ code: 'BUFFALO_ERR_INVALID_MESSAGE' })
    expect(() => peerIdOf('ab')).toThrow(invalid)
    expect(() => peerIdOf('AB'.repeat(32))).toThrow(invalid)
    expect(() => peerKeyOfString('hello')).toThrow(invalid)
    const other = await generateKeyPair('secp256k1')
    expect(() => peerKeyOf(other)).toThrow(invalid)
  })
})
