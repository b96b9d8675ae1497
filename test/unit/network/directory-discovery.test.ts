import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PeerId, PeerStore } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/interface/index.js'
import { directoryDiscovery } from '../../../src/network/directory-discovery.js'
import { directoryLimits } from '../../../src/network/limits.js'
import { silentLogger } from '../../helpers/silent-logger.js'

const newId = async (): Promise<PeerId> => peerIdFromPrivateKey(await generateKeyPair('Ed25519'))

let path: string
const running: { stop(): Promise<void> }[] = []
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'buffalo-directory-')), 'peers')
})
afterEach(async () => {
  await Promise.all(running.splice(0).map(one => one.stop()))
  await rm(join(path, '..'), { recursive: true })
})

/** A discovery module, and what it found: `<peer id> <addresses>` in order. */
async function start(id: PeerId, addresses: string[], clock = systemClock) {
  const found: string[] = []
  const waiting = new Set<() => void>()
  const module = directoryDiscovery({ path, clock, logger: silentLogger() })({
    peerId: id,
    peerStore: { patch: async () => undefined } as unknown as PeerStore,
    addressManager: { getAddresses: () => addresses }
  }) as ReturnType<ReturnType<typeof directoryDiscovery>> & { start(): Promise<void>; stop(): Promise<void> }
  module.addEventListener('peer', ({ detail }) => {
    found.push(`${detail.id} ${detail.multiaddrs.join(' ')}`)
    for (const wake of waiting) wake()
  })
  await module.start()
  running.push(module)
  return {
    module,
    found,
    until: (ready: () => boolean) =>
      new Promise<void>(resolve => {
        const wake = () => (ready() ? resolve() : undefined)
        waiting.add(wake)
        wake()
      })
  }
}

const entry = (id: PeerId, addresses: unknown) => JSON.stringify({ peerId: id.toString(), addresses })

describe('directoryDiscovery', () => {
  test('finding: two nodes find each other, whichever comes first', async () => {
    const [a, b] = [await newId(), await newId()]
    const first = await start(a, ['/ip4/127.0.0.1/tcp/1'])
    const second = await start(b, ['/ip4/127.0.0.1/tcp/2'])
    await first.until(() => first.found.length > 0)
    await second.until(() => second.found.length > 0)
    expect(first.found).toEqual([`${b} /ip4/127.0.0.1/tcp/2`])
    expect(second.found).toEqual([`${a} /ip4/127.0.0.1/tcp/1`])
  })

  test('restart: other addresses are found', async () => {
    const [a, b] = [await newId(), await newId()]
    const first = await start(a, ['/ip4/127.0.0.1/tcp/1'])
    const addresses = ['/ip4/127.0.0.1/tcp/2']
    await start(b, addresses)
    await first.until(() => first.found.length === 1)
    addresses[0] = '/ip4/127.0.0.1/tcp/3'
    await first.until(() => first.found.length === 2)
    expect(first.found[1]).toBe(`${b} /ip4/127.0.0.1/tcp/3`)
  })

  test('stop: removes the own entry, leaves others, and no drafts', async () => {
    const [a, b] = [await newId(), await newId()]
    const first = await start(a, ['/ip4/127.0.0.1/tcp/1'])
    const second = await start(b, ['/ip4/127.0.0.1/tcp/2'])
    await second.until(() => second.found.length === 1)
    expect(JSON.parse(await readFile(join(path, `${a}.json`), 'utf8'))).toEqual({
      peerId: a.toString(),
      addresses: ['/ip4/127.0.0.1/tcp/1']
    })
    await first.module.stop()
    await first.module.stop()
    expect((await readdir(path)).filter(name => !name.startsWith(b.toString()))).toEqual([])
  })

  test('age: what killed nodes left is removed after a week, and a live node writes its own anew', async () => {
    const [a, b, dead] = [await newId(), await newId(), await newId()]
    await mkdir(path, { recursive: true })
    const left = join(path, `${dead}.json`)
    await writeFile(left, entry(dead, ['/ip4/127.0.0.1/tcp/9']))
    const longAgo = new Date(systemClock.now() - directoryLimits.ageMs - 60_000)
    await utimes(left, longAgo, longAgo)
    let laterMs = 0
    await start(a, ['/ip4/127.0.0.1/tcp/1'], { ...systemClock, now: () => systemClock.now() + laterMs })
    const other = await start(b, ['/ip4/127.0.0.1/tcp/2'])
    await other.until(() => other.found.length === 1)
    laterMs = directoryLimits.refreshMs
    await other.until(() => other.found.length === 2)
    expect(other.found).toEqual(Array(2).fill(`${a} /ip4/127.0.0.1/tcp/1`))
    // It has read the folder to its end at least once in between.
    expect(await readdir(path)).not.toContain(`${dead}.json`)
  })

  test('hostile entries: none harms, and the good one is found', async () => {
    const [a, b, c] = [await newId(), await newId(), await newId()]
    await mkdir(path, { recursive: true })
    const others = await Promise.all(Array.from({ length: 8 }, newId))
    const file = (at: number) => join(path, `${others[at]}.json`)
    await writeFile(file(0), 'not JSON')
    await writeFile(file(1), entry(b, ['/ip4/127.0.0.1/tcp/1']))
    await writeFile(file(2), entry(others[2] as PeerId, ['nonsense']))
    await writeFile(
      file(3),
      entry(others[3] as PeerId, Array(directoryLimits.addresses + 1).fill('/ip4/1.1.1.1/tcp/1'))
    )
    await writeFile(
      file(4),
      entry(others[4] as PeerId, ['/ip4/127.0.0.1/tcp/1']).padEnd(directoryLimits.entryBytes + 1)
    )
    await mkdir(file(5))
    await symlink('/dev/zero', file(6))
    await writeFile(file(7), JSON.stringify({ peerId: 7, addresses: null }))
    await writeFile(join(path, '..evil.json'), entry(b, ['/ip4/127.0.0.1/tcp/1']))
    await writeFile(
      join(path, `${'1'.repeat(52)}.json`),
      JSON.stringify({ peerId: '1'.repeat(52), addresses: [] })
    )
    const node = await start(a, ['/ip4/127.0.0.1/tcp/9'])
    await writeFile(join(path, `${c}.json`), entry(c, ['/ip4/127.0.0.1/tcp/2']))
    await node.until(() => node.found.length > 0)
    expect(node.found).toEqual([`${c} /ip4/127.0.0.1/tcp/2`])
  })

  test('bounds: of very many entries, as many as the limit are read', async () => {
    await mkdir(path, { recursive: true })
    for (let n = 0; n < directoryLimits.entries + 50; n++) {
      const id = await newId()
      await writeFile(join(path, `${id}.json`), entry(id, ['/ip4/127.0.0.1/tcp/1']))
    }
    const node = await start(await newId(), ['/ip4/127.0.0.1/tcp/9'])
    await node.until(() => node.found.length >= directoryLimits.entries)
    await node.module.stop()
    expect(node.found).toHaveLength(directoryLimits.entries)
  })
})
