import type { PrivateKey } from '@libp2p/interface'
import { RecordEnvelope } from '@libp2p/peer-record'
import { equals } from 'uint8arrays/equals'
import { fromString } from 'uint8arrays/from-string'
import { toString } from 'uint8arrays/to-string'
import type { NetworkIdentity, PeerKey } from '../interface/index.js'
import { messageLimits } from './limits.js'
import { type QuickKeys, quickKeys, quickPrivateKey } from './quick-keys.js'
import { type TopicKind, topicVersion } from './topic.js'
import { RejectError } from './validation/errors.js'

/** What a valid envelope holds. */
export interface Opened {
  author: PeerKey
  /** The bytes that the author signed. */
  payload: Uint8Array
}

/** Seals and opens the envelopes of one kind of message in one network. */
export interface EnvelopeCodec {
  seal(payload: Uint8Array, privateKey: PrivateKey): Promise<Uint8Array>
  /** Throws RejectError where the bytes are not an envelope of this kind and network, signed by an Ed25519 key. */
  open(bytes: Uint8Array): Promise<Opened>
}

/**
 * libp2p signed envelopes (RFC 0002). The signature covers the domain, the payload's type and the payload as sent.
 * The domain names network and kind, so that no signature can be carried to another chain, contract or topic.
 * @param authors may be shared by the topics of a node
 */
export function envelopeCodec(
  network: NetworkIdentity,
  kind: TopicKind,
  authors: QuickKeys = quickKeys()
): EnvelopeCodec {
  const domain = [
    'buffalo',
    network.chainId,
    network.oracle.toLowerCase(),
    network.registry.toLowerCase(),
    kind,
    topicVersion
  ].join(':')
  const payloadType = fromString(`/buffalo/${kind}/${topicVersion}`)
  /** A node has one key. */
  const own = new WeakMap<PrivateKey, PrivateKey>()

  function signer(privateKey: PrivateKey): PrivateKey {
    const known = own.get(privateKey) ?? quickPrivateKey(privateKey)
    own.set(privateKey, known)
    return known
  }

  return {
    async seal(payload, privateKey) {
      const record = { domain, codec: payloadType, marshal: () => payload, equals: () => false }
      return (await RecordEnvelope.seal(record, signer(privateKey))).marshal()
    },

    async open(bytes) {
      // Rule: an envelope is at most `envelopeBytes` long. First, as all that follows costs time by length.
      if (bytes.byteLength > messageLimits.envelopeBytes) {
        throw new RejectError('oversize', `An envelope of ${bytes.byteLength} bytes is too long`)
      }

      // Rule: the bytes are a signed envelope.
      const envelope = parse(bytes)

      // Rule: the key is Ed25519. Other keys are slow to check, and no node has one.
      if (envelope.publicKey.type !== 'Ed25519') {
        throw new RejectError(
          'envelope',
          `The key of an envelope must be Ed25519, not ${envelope.publicKey.type}`
        )
      }

      // Rule: the payload is of the topic's type.
      if (!equals(envelope.payloadType, payloadType)) {
        throw new RejectError(
          'envelope',
          `The payload of an envelope on the topic ${kind} is of another type`
        )
      }

      // Rule: the encoding is canonical. Otherwise anyone could vary the unsigned bytes, and so the message id, and
      // have one signed message travel the network again and again.
      if (!equals(envelope.marshal(), bytes)) {
        throw new RejectError('envelope', 'The encoding of an envelope is not canonical')
      }

      // Rule: the signature is the key's.
      const author = toString(envelope.publicKey.raw, 'base16')
      envelope.publicKey = authors.get(envelope.publicKey, author)
      if (!(await verify(envelope, domain)))
        throw new RejectError('signature', 'The signature of an envelope is wrong')

      return { author, payload: envelope.payload }
    }
  }
}

function parse(bytes: Uint8Array): RecordEnvelope {
  try {
    return RecordEnvelope.createFromProtobuf(bytes)
  } catch (err) {
    throw new RejectError('envelope', 'The bytes are not a signed envelope', { cause: err })
  }
}

async function verify(envelope: RecordEnvelope, domain: string): Promise<boolean> {
  try {
    return await envelope.validate(domain)
  } catch (err) {
    throw new RejectError('signature', 'The signature of an envelope cannot be checked', { cause: err })
  }
}
