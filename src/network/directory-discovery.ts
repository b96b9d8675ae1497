import { randomUUID } from 'node:crypto'
import { lstat, mkdir, opendir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type PeerDiscovery,
  type PeerDiscoveryEvents,
  type PeerId,
  type PeerStore,
  peerDiscoverySymbol
} from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { TypedEventEmitter, type TypedEventTarget } from 'main-event'
import { z } from 'zod'
import type { Clock, Logger, Timer } from '../interface/index.js'
import { directoryLimits } from './limits.js'

export interface DirectoryDiscoveryInit {
  /** A folder that all nodes of the machine share. Made if there is none. */
  path: string
  clock: Clock
  logger: Logger
}

export interface DirectoryDiscoveryComponents {
  peerId: PeerId
  peerStore: PeerStore
  addressManager: { getAddresses(): { toString(): string }[] }
}

const entrySchema = z.object({
  peerId: z.string().max(128),
  addresses: z.array(z.string().max(256)).max(directoryLimits.addresses)
})

const entryName = /^([1-9A-HJ-NP-Za-km-z]{32,64})\.json$/

/**
 * Finds the nodes of one machine without multicast: each writes `<path>/<peerId>.json` with its addresses, and reads what
 * the others write. Works for nodes that are started by hand, restart, and change ports. What a killed node leaves behind is
 * harmless, as nobody answers there, and goes after a week. Entries are not trusted: a connection still proves the peer's key.
 */
export function directoryDiscovery(
  init: DirectoryDiscoveryInit
): (components: DirectoryDiscoveryComponents) => TypedEventTarget<PeerDiscoveryEvents> {
  return components => new DirectoryDiscovery(init, components)
}

/** A class, as libp2p's discovery modules are event targets. */
class DirectoryDiscovery extends TypedEventEmitter<PeerDiscoveryEvents> implements PeerDiscovery {
  readonly [peerDiscoverySymbol] = this
  readonly [Symbol.toStringTag] = '@buffalo/directory-discovery'
  readonly #init: DirectoryDiscoveryInit
  readonly #components: DirectoryDiscoveryComponents
  /** File name -> when it was written, of the entries that have been read. */
  #seen = new Map<string, number>()
  #written = ''
  #writtenAtMs = 0
  #running = false
  #polling: Promise<void> = Promise.resolve()
  #timer: Timer | undefined
  #complained = false

  constructor(init: DirectoryDiscoveryInit, components: DirectoryDiscoveryComponents) {
    super()
    this.#init = init
    this.#components = components
  }

  async start(): Promise<void> {
    if (this.#running) return
    this.#running = true
    await mkdir(this.#init.path, { recursive: true })
    this.#poll()
  }

  async stop(): Promise<void> {
    if (!this.#running) return
    this.#running = false
    this.#timer?.cancel()
    await this.#polling
    await rm(this.#ownPath(), { force: true })
    this.#seen.clear()
    this.#written = ''
  }

  #poll(): void {
    this.#polling = this.#exchange()
      .then(() => {
        this.#complained = false
      })
      .catch((err: unknown) => {
        if (!this.#complained)
          this.#init.logger.warn({ err, path: this.#init.path }, 'cannot use the peer directory')
        this.#complained = true
      })
      .finally(() => {
        if (!this.#running) return
        // Soon at first: the addresses are known only once the node listens.
        const delayMs = this.#written === '' ? directoryLimits.pollMs / 10 : directoryLimits.pollMs
        this.#timer = this.#init.clock.schedule(delayMs, () => this.#poll())
      })
  }

  async #exchange(): Promise<void> {
    await this.#write()
    const seen = new Map<string, number>()
    for await (const { name } of await opendir(this.#init.path)) {
      if (seen.size >= directoryLimits.entries || !this.#running) break
      const peer = entryName.exec(name)?.[1]
      if (peer === undefined || peer === this.#components.peerId.toString()) continue
      const path = join(this.#init.path, name)
      const info = await lstat(path).catch(absent)
      if (info === undefined || !info.isFile() || info.size > directoryLimits.entryBytes) continue
      if (info.mtimeMs < this.#init.clock.now() - directoryLimits.ageMs) {
        await rm(path, { force: true })
        continue
      }
      seen.set(name, info.mtimeMs)
      if (this.#seen.get(name) !== info.mtimeMs) await this.#read(path, peer)
    }
    this.#seen = seen
  }

  async #read(path: string, peer: string): Promise<void> {
    let id: PeerId
    let multiaddrs: ReturnType<typeof multiaddr>[]
    try {
      const entry = entrySchema.parse(JSON.parse(await readFile(path, 'utf8')))
      if (entry.peerId !== peer) throw new TypeError('The entry is of another peer')
      id = peerIdFromString(peer)
      multiaddrs = entry.addresses.map(address => multiaddr(address))
    } catch (err) {
      this.#init.logger.debug({ err, path }, 'an entry of the peer directory cannot be used')
      return
    }
    // In place of the addresses from before: a node that restarted listens on another port.
    await this.#components.peerStore.patch(id, { multiaddrs })
    this.safeDispatchEvent('peer', { detail: { id, multiaddrs } })
  }

  async #write(): Promise<void> {
    const addresses = this.#components.addressManager
      .getAddresses()
      .map(String)
      .slice(0, directoryLimits.addresses)
    const text = JSON.stringify({ peerId: this.#components.peerId.toString(), addresses })
    const nowMs = this.#init.clock.now()
    const isFresh = text === this.#written && nowMs - this.#writtenAtMs < directoryLimits.refreshMs
    if (addresses.length === 0 || isFresh) return
    const draft = join(this.#init.path, `${randomUUID()}.tmp`)
    try {
      await writeFile(draft, text, { flag: 'wx', mode: 0o600 })
      await rename(draft, this.#ownPath())
    } finally {
      await rm(draft, { force: true })
    }
    this.#written = text
    this.#writtenAtMs = nowMs
  }

  #ownPath(): string {
    return join(this.#init.path, `${this.#components.peerId}.json`)
  }
}

/** An entry may go between the listing and the look at it. */
function absent(err: unknown): undefined {
  if (err instanceof Error && 'code' in err && err.code === 'ENOENT') return undefined
  throw err
}
