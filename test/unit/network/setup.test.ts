import { generateKeyPair } from '@libp2p/crypto/keys'
import type { MultiaddrConnection, PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { describe, expect, test } from 'vitest'
import { connectionGate } from '../../../src/network/gate.js'
import { gossipsubOptions, messageId } from '../../../src/network/gossipsub-pubsub.js'
import { connectionLimits } from '../../../src/network/limits.js'
import { checkAddresses, checkBootstrap } from '../../../src/network/setup.js'

const config = (text: string) =>
  expect.objectContaining({ code: 'BUFFALO_ERR_CONFIG', message: expect.stringContaining(text) })

describe('addresses', () => {
  test.each(['', 'localhost:4001', '/ip4/999.0.0.1/tcp/1', '/ip4/127.0.0.1'])(
    'listen: %j is refused by name',
    address => {
      expect(() => checkAddresses('listen', [address])).toThrow(config(address))
    }
  )

  test.each(['x', '/ip4/127.0.0.1/tcp/1'])('bootstrap: %j is refused by name', address => {
    expect(() => checkBootstrap([address])).toThrow(config(address))
  })

  test('good addresses are kept as they are', () => {
    expect(checkAddresses('listen', ['/ip4/0.0.0.0/tcp/4001', '/ip6/::1/tcp/0'])).toHaveLength(2)
    const peer = '/dns4/example.org/tcp/4001/p2p/12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X'
    expect(checkBootstrap([peer])).toEqual([peer])
  })
})

describe('connectionGate', async () => {
  const [good, bad] = [
    peerIdFromPrivateKey(await generateKeyPair('Ed25519')),
    peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
  ]
  const connection = {} as MultiaddrConnection

  test('deny: a peer on the list may neither dial nor be dialled, until it is taken off', () => {
    const gate = connectionGate({ deny: [bad.toString()] })
    expect(gate.gater.denyDialPeer?.(bad)).toBe(true)
    expect(gate.gater.denyInboundEncryptedConnection?.(bad, connection)).toBe(true)
    expect(gate.gater.denyDialPeer?.(good)).toBe(false)
    gate.undeny(bad.toString())
    expect(gate.gater.denyDialPeer?.(bad)).toBe(false)
  })

  test.each([
    ['an address', (n: number) => '/ip4/198.51.100.7/tcp/' + n, '/ip4/198.51.100.8/tcp/1'],
    ['an IPv6 network', (n: number) => `/ip6/2001:db8:1:2::${n}/tcp/4001`, '/ip6/2001:db8:1:3::1/tcp/1'],
    ['a mapped address', (n: number) => '/ip6/::ffff:198.51.100.7/tcp/' + n, '/ip6/::ffff:198.51.100.8/tcp/1']
  ])('places: %s takes no more than its share, whatever keys it has', (_, addressOf, elsewhere) => {
    const open: { remotePeer: PeerId; remoteAddr: Multiaddr }[] = []
    const { gater } = connectionGate({}, () => open)
    const from = (address: string) => ({ remoteAddr: multiaddr(address) }) as MultiaddrConnection
    for (let n = 1; n <= connectionLimits.perAddress; n++) {
      expect(gater.denyInboundConnection?.(from(addressOf(n)))).toBe(false)
      open.push({ remotePeer: bad, remoteAddr: multiaddr(addressOf(n)) })
    }
    expect(gater.denyInboundConnection?.(from(addressOf(99)))).toBe(true)
    expect(gater.denyInboundUpgradedConnection?.(good, from(addressOf(99)))).toBe(true)
    expect(gater.denyInboundUpgradedConnection?.(good, from(elsewhere))).toBe(false)
  })

  test('places: nodes of one machine are not counted', () => {
    const remoteAddr = multiaddr('/ip4/127.0.0.1/tcp/1')
    const open = Array.from({ length: 100 }, () => ({ remotePeer: bad, remoteAddr }))
    const { gater } = connectionGate({}, () => open)
    expect(gater.denyInboundConnection?.({ remoteAddr } as MultiaddrConnection)).toBe(false)
  })

  test('allow: with a list of its own, all others are denied; deny is stronger', () => {
    const gate = connectionGate({ allow: [good.toString()] })
    expect(gate.gater.denyDialPeer?.(good)).toBe(false)
    expect(gate.gater.denyInboundEncryptedConnection?.(bad, connection)).toBe(true)
    gate.deny(good.toString())
    expect(gate.isDenied(good.toString())).toBe(true)
  })
})

describe('gossipsub', () => {
  test('message id: depends on topic and data, and not on where one ends', () => {
    const id = (topic: string, text: string) =>
      Buffer.from(messageId(topic, Buffer.from(text))).toString('hex')
    expect(id('a', 'b')).toBe(id('a', 'b'))
    expect(new Set([id('a', 'b'), id('a', 'c'), id('b', 'b'), id('ab', ''), id('', 'ab')]).size).toBe(5)
  })

  test('score: five invalid messages put a peer of the best behaviour below the threshold, three do not', () => {
    const { scoreParams, scoreThresholds } = gossipsubOptions(['t'])
    const topic = scoreParams?.topics?.t
    const score = (invalid: number) =>
      (scoreParams?.topicScoreCap ?? 0) +
      (topic?.topicWeight ?? 0) * (topic?.invalidMessageDeliveriesWeight ?? 0) * invalid ** 2
    expect(score(5)).toBeLessThan(scoreThresholds?.graylistThreshold ?? -Infinity)
    expect(score(3)).toBeGreaterThan(scoreThresholds?.graylistThreshold ?? 0)
  })
})
