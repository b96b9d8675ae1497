import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { topicsOf } from '../../src/gossip/topic.js'
import { systemClock } from '../../src/interface/index.js'
import { loadOrCreateIdentity } from '../../src/network/identity.js'
import { createNetwork } from '../../src/network/libp2p.js'
import { silentLogger } from '../helpers/silent-logger.js'
import { jobOf, meshed, network, startNode, type TestNode, when } from './network-nodes.js'

let folder: string
let running: TestNode[]
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'buffalo-restart-'))
  running = []
})
afterEach(async () => {
  await Promise.all(running.map(node => node.stop()))
  await rm(folder, { recursive: true })
})

/** A node with a data directory, as the program starts it. */
async function start(name: string, init: Parameters<typeof startNode>[0] = {}): Promise<TestNode> {
  const node = await startNode({
    privateKey: await loadOrCreateIdentity(join(folder, name, 'identity.key')),
    datastorePath: join(folder, name, 'peers'),
    ...init
  })
  running.push(node)
  return node
}

const connected = (node: TestNode, other: TestNode): Promise<void> =>
  when(node.network, () => node.network.peers().some(({ peerId }) => peerId === other.network.peerId))

describe('restart', () => {
  test('identity: a node comes back as the one that it was', async () => {
    const first = await start('a')
    await first.stop()
    const second = await start('a')
    expect(second.network.peerId).toBe(first.network.peerId)
    expect(second.network.peerKey).toBe(first.network.peerKey)
  })

  test('peer store: a node finds its network again by the peers that it knew', async () => {
    const a = await start('a')
    const b = await start('b', { bootstrap: a.network.addresses() })
    await meshed([a, b])
    await b.stop()
    // No bootstrap list and no directory: only its own memory.
    const again = await start('b')
    await meshed([a, again])
    await again.gossip.publishJobs([jobOf(1)])
    await a.inbox.until(({ jobs }) => jobs.length === 1)
  })

  test('directory: nodes that restart on other ports are found by those that stayed', async () => {
    const peerDirectory = join(folder, 'directory')
    const a = await start('a', { peerDirectory })
    const b = await start('b', { peerDirectory })
    await meshed([a, b])
    const before = b.network.addresses()
    await b.stop()
    const again = await start('b', { peerDirectory })
    expect(again.network.addresses()).not.toEqual(before)
    await meshed([a, again])
  })

  test('bootstrap: a third node is found through the one that all know', async () => {
    const a = await start('a')
    const b = await start('b', { bootstrap: a.network.addresses() })
    const c = await start('c', { bootstrap: a.network.addresses() })
    // The DHT tells them of each other, and the dialer does the rest.
    await Promise.all([connected(a, b), connected(a, c), connected(b, c)])
  })

  test('lost peer: a connection that broke is made again', async () => {
    const a = await start('a')
    const b = await start('b', { bootstrap: a.network.addresses() })
    await meshed([a, b])
    const closed = when(b.network, () => b.network.peers().length === 0)
    await a.network.disconnect(b.network.peerId)
    await closed
    await Promise.all([connected(a, b), connected(b, a)])
  })
})

describe('start', () => {
  test('port in use: the error names the address and what to do', async () => {
    const a = await start('a')
    const [address] = a.network.libp2p.getMultiaddrs()
    const listen = address?.toString().replace(/\/p2p\/.*/, '') ?? ''
    const other = await createNetwork(
      {
        privateKey: await loadOrCreateIdentity(join(folder, 'b.key')),
        topics: topicsOf(network),
        listen: [listen]
      },
      { clock: systemClock, logger: silentLogger() }
    )
    await expect(other.start()).rejects.toMatchObject({
      code: 'BUFFALO_ERR_LISTEN',
      message: expect.stringMatching(new RegExp(`${listen}.* in use.*--listen`))
    })
    await other.stop()
  })

  test('datastore in use: the error names the directory', async () => {
    await start('a')
    await expect(start('a')).rejects.toMatchObject({ code: 'BUFFALO_ERR_DATABASE_LOCKED' })
  })

  test('lifecycle: start and stop may be repeated, and a stopped node listens no more', async () => {
    const a = await start('a')
    await a.network.start()
    await a.network.stop()
    await a.network.stop()
    expect(a.network.peers()).toEqual([])
    expect(a.network.libp2p.status).toBe('stopped')
  })
})
