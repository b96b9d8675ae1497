import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Address, Peer, PeerId, PeerInfo, PeerStore } from '@libp2p/interface'
import { defaultLogger } from '@libp2p/logger'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, it } from 'vitest'
import { claimedAddresses, signedFirst } from '../../../src/network/claimed-addresses.js'
import { dhtLimits } from '../../../src/network/limits.js'

const addressOf = (n: number, isCertified = false): Address => ({
  multiaddr: multiaddr(`/ip4/203.0.113.${n}/tcp/4001`),
  isCertified
})

async function make(known: Address[]) {
  const id = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
  let addresses = known
  const peerStore: Pick<PeerStore, 'get' | 'merge'> = {
    async get(peer: PeerId) {
      return { id: peer, addresses } as Peer
    },
    async merge(peer, { multiaddrs = [] }) {
      addresses = [...addresses, ...multiaddrs.map(one => ({ multiaddr: one, isCertified: false }))]
      return { id: peer, addresses } as Peer
    }
  }
  const claims = claimedAddresses({
    peerStore,
    accept: (peer: PeerInfo) => peer,
    log: defaultLogger().forComponent('test')
  })
  const claim = (...numbers: number[]) =>
    claims.take({ id, multiaddrs: numbers.map(n => addressOf(n).multiaddr) })
  return { id, claims, claim, stored: () => addresses }
}

it('behavior: what others claim of a peer, however often, fills a few places beside what it has signed', async () => {
  const { claim, stored } = await make([addressOf(1, true), addressOf(2, true)])
  for (let n = 10; n < 200; n += 3) await claim(n, n + 1, n + 2)
  expect(stored()).toHaveLength(2 + dhtLimits.claimedAddresses)
  expect(stored().slice(0, 2)).toEqual([addressOf(1, true), addressOf(2, true)])
})

it('behavior: two claims at a time do not find the same place', async () => {
  const { claim, stored } = await make([])
  const numbers = Array.from({ length: dhtLimits.claimedAddresses }, (_, n) => n)
  await Promise.all([claim(...numbers), claim(...numbers.map(n => n + 100))])
  expect(stored()).toHaveLength(dhtLimits.claimedAddresses)
})

it('behavior: an address that is known takes no second place, with the name of the peer or without', async () => {
  const { id, claims, stored } = await make([addressOf(1, true)])
  const { multiaddr: address } = addressOf(1)
  await claims.take({ id, multiaddrs: [address, address.encapsulate(`/p2p/${id}`)] })
  expect(stored()).toEqual([addressOf(1, true)])
})

it('behavior: what a peer has signed is dialled first', () => {
  const loopback: Address = { multiaddr: multiaddr('/ip4/127.0.0.1/tcp/1'), isCertified: true }
  const inner: Address = { multiaddr: multiaddr('/ip4/192.168.0.2/tcp/1'), isCertified: true }
  const claimed = addressOf(7)
  expect([claimed, loopback, inner].sort(signedFirst)).toEqual([inner, loopback, claimed])
})
