import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, Libp2p, PeerId, Topology } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { TypedEventEmitter } from 'main-event'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/interface/index.js'
import { gossipReattach } from '../../../src/network/gossip-reattach.js'
import { createNetwork, type Network } from '../../../src/network/libp2p.js'
import { silentLogger } from '../../helpers/silent-logger.js'

const topic = 'spoken'
const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) await stop()
})

interface Speaker {
  network: Network
  /** Says a text again and again, as gossip begins some time after a connection, until the other has heard it. */
  sayTo(other: Speaker, text: string): Promise<void>
  heard(text: string): Promise<void>
  /** Resolves when so many connections are open, and gossip has been told of each. */
  connections(count: number): Promise<Connection[]>
}

async function speaker(): Promise<Speaker> {
  const network = await createNetwork(
    // Of its own it dials nobody who is connected: what it has, the test gave it.
    { privateKey: await generateKeyPair('Ed25519'), topics: [topic], targetPeers: 1 },
    { clock: systemClock, logger: silentLogger() }
  )
  const identified = new Set<string>()
  network.libp2p.addEventListener('peer:identify', ({ detail }) => identified.add(detail.connection.id))
  await network.start()
  // What is pushed a second after a start has gossip look at its connections once more: of a node that runs longer, nothing comes.
  await network.libp2p.unhandle('/ipfs/id/push/1.0.0')
  stops.push(async () => network.stop())
  const waiting = new Map<string, () => void>()
  network.pubsub.subscribe(topic, async (_, data) => {
    const [text = ''] = Buffer.from(data).toString().split('#')
    waiting.get(text)?.()
    return 'accept'
  })
  return {
    network,
    connections: count =>
      new Promise(resolve => {
        const look = (): void => {
          const open = network.libp2p.getConnections()
          if (open.length !== count || !open.every(({ id }) => identified.has(id))) return
          network.libp2p.removeEventListener('peer:identify', look)
          resolve([...open])
        }
        network.libp2p.addEventListener('peer:identify', look)
        look()
      }),
    heard: text => new Promise(resolve => waiting.set(text, resolve)),
    async sayTo(other, text) {
      const heard = other.heard(text)
      let count = 0
      const timer = setInterval(() => {
        void network.pubsub.publish(topic, Buffer.from(`${text}#${count++}`))
      }, 50)
      await heard.finally(() => clearInterval(timer))
    }
  }
}

describe('gossip of two peers with two connections', () => {
  it('behavior: when the connection that carries it breaks, it goes on over the other, both ways', async () => {
    const [alice, bob] = [await speaker(), await speaker()]
    const address = bob.network.libp2p.getMultiaddrs()[0]
    if (address === undefined) throw new Error('no address')
    await alice.network.libp2p.dial(address)
    await Promise.all([alice.sayTo(bob, 'over the first'), bob.sayTo(alice, 'and back')])

    const [first] = await alice.connections(1)
    await alice.network.libp2p.dial(address, { force: true })
    await Promise.all([alice.connections(2), bob.connections(2)])
    // gossipsub works off what it is told of new connections some turns later.
    await Promise.all([alice.sayTo(bob, 'still over the first'), bob.sayTo(alice, 'and still back')])
    first?.abort(new Error('broken'))

    await Promise.all([alice.sayTo(bob, 'over the second'), bob.sayTo(alice, 'and back again')])
    expect(alice.network.libp2p.getConnections()).toHaveLength(1)
  })
})

describe('gossipReattach', async () => {
  const [peer, client] = [
    peerIdFromPrivateKey(await generateKeyPair('Ed25519')),
    peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
  ]
  const connection = (id: string, remotePeer: PeerId, status = 'open'): Connection =>
    ({ id, remotePeer, status, timeline: { open: Number(id) } }) as Connection

  function setUp(open: Connection[]) {
    const told: string[] = []
    const topology: Topology = { onConnect: (_, { id }) => void told.push(id) }
    const events = new TypedEventEmitter()
    const libp2p = Object.assign(events, { getConnections: () => open }) as unknown as Libp2p
    const service = gossipReattach({
      libp2p,
      gossipsub: { getPeers: () => [peer] },
      topologies: [topology, topology]
    })
    const close = (closed: Connection): void =>
      void events.dispatchEvent(new CustomEvent('connection:close', { detail: closed }))
    return { told, service, close }
  }

  it('behavior: the newest connection that is open takes over', async () => {
    const { told, service, close } = setUp([
      connection('1', peer),
      connection('2', peer),
      connection('3', peer),
      connection('4', peer, 'closing')
    ])
    await service.start()
    await service.start()
    close(connection('3', peer))
    expect(told).toEqual(['2'])
  })

  it('behavior: nothing is done for a client without gossip, for a last connection, or once stopped', async () => {
    const { told, service, close } = setUp([connection('1', client)])
    await service.start()
    close(connection('2', client))
    const last = setUp([])
    await last.service.start()
    last.close(connection('2', peer))
    const stopped = setUp([connection('1', peer)])
    await stopped.service.start()
    await stopped.service.stop()
    stopped.close(connection('2', peer))
    expect([told, last.told, stopped.told]).toEqual([[], [], []])
  })
})
