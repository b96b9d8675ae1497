import { generateKeyPair } from '@libp2p/crypto/keys'
import { RecordEnvelope } from '@libp2p/peer-record'
import { describe, expect, test } from 'vitest'
import { envelopeCodec } from '../../../src/gossip/envelope.js'
import { messageLimits } from '../../../src/gossip/limits.js'
import { authorOf, keyOf, network } from './fakes.js'

const key = await keyOf(1)
const jobs = envelopeCodec(network, 'jobs')
const payload = Uint8Array.from([1, 2, 3])
const sealed = await jobs.seal(payload, key)

describe('envelope', () => {
  test('opening: gives the author and the bytes that were signed', async () => {
    const opened = await jobs.open(sealed)
    expect(opened.author).toBe(authorOf(key))
    expect([...opened.payload]).toEqual([1, 2, 3])
  })

  test('form: it is the envelope of libp2p, both ways', async () => {
    const domain = ['buffalo', network.chainId, network.oracle, network.registry, 'jobs', 1]
      .join(':')
      .toLowerCase()
    const theirs = await RecordEnvelope.openAndCertify(sealed, domain)
    expect([...theirs.payload]).toEqual([1, 2, 3])
    const codec = new TextEncoder().encode('/buffalo/jobs/1')
    const record = { domain, codec, marshal: () => payload, equals: () => false }
    const bytes = (await RecordEnvelope.seal(record, key)).marshal()
    await expect(jobs.open(bytes)).resolves.toMatchObject({ author: authorOf(key) })
  })

  test('signature: keys that are kept are not mixed up', async () => {
    const other = await keyOf(2)
    const theirs = await jobs.seal(payload, other)
    for (let turn = 0; turn < 2; turn++) {
      await expect(jobs.open(sealed)).resolves.toMatchObject({ author: authorOf(key) })
      await expect(jobs.open(theirs)).resolves.toMatchObject({ author: authorOf(other) })
    }
    // The first author's envelope with the signature of the second.
    const mixed = Uint8Array.from([...sealed.subarray(0, -64), ...theirs.subarray(-64)])
    await expect(jobs.open(mixed)).rejects.toMatchObject({ reason: 'signature' })
  })

  test('domain: an envelope of another topic does not open', async () => {
    await expect(envelopeCodec(network, 'leases').open(sealed)).rejects.toMatchObject({ reason: 'envelope' })
  })

  test.each([
    ['chain', { ...network, chainId: 1 }],
    ['oracle', { ...network, oracle: network.registry }],
    ['registry', { ...network, registry: network.oracle }]
  ])('domain: an envelope of another %s does not open', async (_, other) => {
    await expect(envelopeCodec(other, 'jobs').open(sealed)).rejects.toMatchObject({ reason: 'signature' })
  })

  test('domain: the case in which an address is written does not matter', async () => {
    const lower = { ...network, oracle: network.oracle.toLowerCase() as `0x${string}` }
    await expect(envelopeCodec(lower, 'jobs').open(sealed)).resolves.toMatchObject({ author: authorOf(key) })
  })

  test('signature: a changed payload does not open', async () => {
    const at = Buffer.from(sealed).indexOf(Buffer.from(payload))
    const forged = Uint8Array.from(sealed)
    forged[at] = 9
    await expect(jobs.open(forged)).rejects.toMatchObject({ reason: 'signature' })
  })

  test('signature: a changed signature does not open', async () => {
    const forged = Uint8Array.from(sealed)
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1
    await expect(jobs.open(forged)).rejects.toMatchObject({ reason: 'signature' })
  })

  test('encoding: bytes added outside the signature do not open', async () => {
    // Field 15, a varint of 0: protobuf skips it.
    const varied = Uint8Array.from([...sealed, 15 << 3, 0])
    await expect(jobs.open(varied)).rejects.toMatchObject({ reason: 'envelope' })
  })

  test.each(['secp256k1', 'RSA', 'ECDSA'] as const)(
    'key: an envelope of a %s key does not open',
    async type => {
      const other = await jobs.seal(payload, await generateKeyPair(type))
      await expect(jobs.open(other)).rejects.toMatchObject({ reason: 'envelope' })
    }
  )

  test('size: an envelope over the limit does not open, though it is signed', async () => {
    const large = await jobs.seal(new Uint8Array(messageLimits.envelopeBytes), key)
    await expect(jobs.open(large)).rejects.toMatchObject({ reason: 'oversize' })
  })

  test('form: no cut of an envelope opens, and each is rejected', async () => {
    for (let length = 0; length < sealed.length; length++) {
      await expect(jobs.open(sealed.subarray(0, length))).rejects.toMatchObject({ name: 'RejectError' })
    }
  })
})
