import { mkdir, rename, rm } from 'node:fs/promises'
import type { PeerId } from '@libp2p/interface'
import { MemoryDatastore } from 'datastore-core'
import { LevelDatastore } from 'datastore-level'
import { Level } from 'level'
import { DatabaseLockedError } from '../interface/index.js'
import { peerStoreLimits } from './limits.js'
import { type PeerLimit, peerLimit } from './peer-limit.js'
import { isProviderKey, type ProviderRecords, providerPrefix, providerRecords } from './provider-records.js'

/*
 * What libp2p knows of its peers: addresses and protocols. The classes change three things.
 *
 * What the DHT would keep for others is not kept on disk: kad-dht takes provider and value records from anyone, without a bound,
 * so a stranger could fill it. Provider records, by which content is found, are in memory and bounded; value records, which
 * nothing here uses, are dropped.
 *
 * Peers are bounded in number (peer-limit.ts).
 *
 * Reads here cannot be aborted. libp2p's peer store takes an aborted read for a
 * peer that it does not know, and writes what it was given over the peer's addresses (kad-dht 16.4 aborts such reads when it
 * stops, or a connection closes): the node would forget its network. A read is local, and takes microseconds.
 */

type Key = Parameters<LevelDatastore['get']>[0]
type Query = Parameters<LevelDatastore['query']>[0]
type Pairs = ReturnType<LevelDatastore['query']>

/** kad-dht's prefix for the records of others. */
const isForOthers = (key: Key): boolean => key.toString().startsWith('/dht/')
const isOfProviders = ({ prefix = '' }: Query): boolean => prefix.startsWith(providerPrefix)

/** libp2p's prefix for the records of peers. */
const peerPrefix = '/peers/'
const isOfPeer = (key: Key): boolean => key.toString().startsWith(peerPrefix)
const keyOf = (peer: PeerId | undefined): string | undefined => peer && `${peerPrefix}${peer.toCID()}`

class PeerLevelDatastore extends LevelDatastore {
  readonly #providers = providerRecords<Key>()
  readonly #peers: PeerLimit

  constructor(level: Level<string, Uint8Array>, self: PeerId | undefined) {
    super(level)
    this.#peers = peerLimit({ ...peerStoreLimits, self: keyOf(self) })
  }

  /** Learns which peers it holds. Before it is used. */
  async load(): Promise<void> {
    for await (const key of this.queryKeys({ prefix: peerPrefix }))
      await this.#drop(this.#peers.known(key.toString()))
  }

  async #drop(names: string[]): Promise<void> {
    for (const name of names) await this.db.del(name)
  }

  override async put(...[key, value, ...rest]: Parameters<LevelDatastore['put']>): Promise<Key> {
    if (isOfPeer(key)) await this.#drop(this.#peers.used(key.toString()))
    if (!isForOthers(key)) return super.put(key, value, ...rest)
    if (isProviderKey(key)) this.#providers.put(key, value)
    return key
  }

  override async get(key: Key): Promise<Uint8Array> {
    return this.#providers.get(key) ?? super.get(key)
  }

  override async delete(...[key, ...rest]: Parameters<LevelDatastore['delete']>): Promise<void> {
    if (isOfPeer(key)) this.#peers.removed(key.toString())
    if (isProviderKey(key)) this.#providers.delete(key)
    else await super.delete(key, ...rest)
  }

  override query(...[query, ...rest]: Parameters<LevelDatastore['query']>): Pairs {
    return isOfProviders(query) ? pairsOf(this.#providers, query) : super.query(query, ...rest)
  }
}

class PeerMemoryDatastore extends MemoryDatastore {
  readonly #providers = providerRecords<Key>()
  readonly #peers: PeerLimit

  readonly #keys = new Map<string, Key>()

  constructor(self: PeerId | undefined) {
    super()
    this.#peers = peerLimit({ ...peerStoreLimits, self: keyOf(self) })
  }

  #forget(name: string): void {
    const key = this.#keys.get(name)
    this.#keys.delete(name)
    if (key !== undefined) super.delete(key)
  }

  override put(
    ...[key, value, ...rest]: Parameters<MemoryDatastore['put']>
  ): ReturnType<MemoryDatastore['put']> {
    if (isOfPeer(key)) {
      this.#keys.set(key.toString(), key)
      for (const name of this.#peers.used(key.toString())) this.#forget(name)
    }
    if (!isForOthers(key)) return super.put(key, value, ...rest)
    if (isProviderKey(key)) this.#providers.put(key, value)
    return key
  }

  override get(key: Key): Uint8Array | Promise<Uint8Array> {
    return this.#providers.get(key) ?? super.get(key)
  }

  override delete(...[key, ...rest]: Parameters<MemoryDatastore['delete']>): void | Promise<void> {
    if (isOfPeer(key)) {
      this.#keys.delete(key.toString())
      this.#peers.removed(key.toString())
    }
    if (isProviderKey(key)) this.#providers.delete(key)
    else return super.delete(key, ...rest)
  }

  override query(...[query, ...rest]: Parameters<MemoryDatastore['query']>): Pairs {
    return isOfProviders(query) ? pairsOf(this.#providers, query) : super.query(query, ...rest)
  }

  /** There is nothing to close. */
  async close(): Promise<void> {}
}

async function* pairsOf(
  providers: ProviderRecords<Key>,
  { prefix = '' }: Query
): AsyncGenerator<{ key: Key; value: Uint8Array }> {
  yield* providers.below(prefix)
}

/**
 * Opens the LevelDB of a folder, or one in memory. Throws DatabaseLockedError if another process has the folder.
 * `self`: the node, whose own record is never forgotten. A damaged store is set aside, to `<path>.corrupt`, and begun anew: peers are found again.
 */
export async function openPeerDatastore(
  path?: string,
  self?: PeerId
): Promise<PeerLevelDatastore | PeerMemoryDatastore> {
  if (path === undefined) return new PeerMemoryDatastore(self)
  await mkdir(path, { recursive: true })
  // Opened here, as LevelDatastore would keep only the text of the error.
  try {
    return await openStore(path, self)
  } catch (err) {
    if (hasCode(err, 'LEVEL_LOCKED')) throw new DatabaseLockedError(path, { cause: err })
    if (!hasCode(err, 'LEVEL_CORRUPTION')) throw err
  }
  await rm(`${path}.corrupt`, { recursive: true, force: true })
  await rename(path, `${path}.corrupt`)
  return openStore(path, self)
}

async function openStore(path: string, self: PeerId | undefined): Promise<PeerLevelDatastore> {
  const store = new PeerLevelDatastore(await openLevel(path), self)
  await store.load()
  return store
}

async function openLevel(path: string): Promise<Level<string, Uint8Array>> {
  const level = new Level<string, Uint8Array>(path, { keyEncoding: 'utf8', valueEncoding: 'view' })
  await level.open()
  return level
}

function hasCode(err: unknown, code: string): boolean {
  for (let cause = err; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && cause.code === code) return true
  }
  return false
}
