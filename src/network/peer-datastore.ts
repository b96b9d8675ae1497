import { mkdir, rename, rm } from 'node:fs/promises'
import { MemoryDatastore } from 'datastore-core'
import { LevelDatastore } from 'datastore-level'
import { Level } from 'level'
import { DatabaseLockedError } from '../interface/index.js'

/*
 * What libp2p knows of its peers: addresses and protocols. The classes change two things.
 *
 * What the DHT would keep for others is not kept. Nodes find peers by it and nothing else, but kad-dht takes provider and
 * value records from anyone, without a bound: a stranger could fill the disk.
 *
 * Reads here cannot be aborted. libp2p's peer store takes an aborted read for a
 * peer that it does not know, and writes what it was given over the peer's addresses (kad-dht 16.4 aborts such reads when it
 * stops, or a connection closes): the node would forget its network. A read is local, and takes microseconds.
 */

type Key = Parameters<LevelDatastore['get']>[0]

/** kad-dht's prefix for the records of others. */
const isForOthers = (key: Key): boolean => key.toString().startsWith('/dht/')

class PeerLevelDatastore extends LevelDatastore {
  override async put(...[key, ...rest]: Parameters<LevelDatastore['put']>): Promise<Key> {
    return isForOthers(key) ? key : super.put(key, ...rest)
  }

  override async get(key: Key): Promise<Uint8Array> {
    return super.get(key)
  }
}

class PeerMemoryDatastore extends MemoryDatastore {
  override put(...[key, ...rest]: Parameters<MemoryDatastore['put']>): ReturnType<MemoryDatastore['put']> {
    return isForOthers(key) ? key : super.put(key, ...rest)
  }

  override get(key: Key): Uint8Array | Promise<Uint8Array> {
    return super.get(key)
  }

  /** There is nothing to close. */
  async close(): Promise<void> {}
}

/**
 * Opens the LevelDB of a folder, or one in memory. Throws DatabaseLockedError if another process has the folder.
 * A damaged one is set aside, to `<path>.corrupt`, and begun anew: peers are found again.
 */
export async function openPeerDatastore(path?: string): Promise<PeerLevelDatastore | PeerMemoryDatastore> {
  if (path === undefined) return new PeerMemoryDatastore()
  await mkdir(path, { recursive: true })
  // Opened here, as LevelDatastore would keep only the text of the error.
  try {
    return new PeerLevelDatastore(await openLevel(path))
  } catch (err) {
    if (hasCode(err, 'LEVEL_LOCKED')) throw new DatabaseLockedError(path, { cause: err })
    if (!hasCode(err, 'LEVEL_CORRUPTION')) throw err
  }
  await rm(`${path}.corrupt`, { recursive: true, force: true })
  await rename(path, `${path}.corrupt`)
  return new PeerLevelDatastore(await openLevel(path))
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
