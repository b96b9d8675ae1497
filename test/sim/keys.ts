import { createHash, createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { publicKeyFromRaw } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'

/** PKCS #8 around the 32 bytes of an Ed25519 seed. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')

export interface SimulatedKey {
  privateKey: PrivateKey
  /** The public key, 64 hex digits. */
  peer: string
  /** The account that goes with it. */
  account: `0x${string}`
}

/**
 * A real Ed25519 key that depends on the seed only. Its signatures are those of libp2p's, without making the key object anew
 * for each of them.
 */
export function simulatedKey(name: string): SimulatedKey {
  const secret = createHash('sha256').update(name).digest()
  const key: KeyObject = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, secret]),
    format: 'der',
    type: 'pkcs8'
  })
  const { x = '' } = key.export({ format: 'jwk' })
  const publicBytes = Buffer.from(x, 'base64url')
  const publicKey = publicKeyFromRaw(publicBytes)
  if (publicKey.type !== 'Ed25519') throw new TypeError('The key must be Ed25519')
  const raw = Buffer.concat([secret, publicBytes])
  const privateKey: PrivateKey = {
    type: 'Ed25519',
    raw,
    publicKey,
    equals: other => other?.raw instanceof Uint8Array && Buffer.compare(other.raw, raw) === 0,
    sign: message => sign(null, message instanceof Uint8Array ? message : message.subarray(), key)
  }
  const peer = publicBytes.toString('hex')
  return { privateKey, peer, account: `0x${peer.slice(0, 40)}` }
}
