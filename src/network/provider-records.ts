/** Bounds of the provider records that a node keeps for others, with their sources. */
export const providerLimits = {
  /** In all: about 300 bytes each, 15 MB. With each kept by 20 nodes, a network of 100 nodes has room for 250,000. */
  records: 50_000,
  /** Of one peer: a worker's models and a thousand outputs. */
  recordsOfPeer: 2_048,
  /** Of one content that are told at once, so that an answer is no larger than is read (`dhtLimits`). Three times kad-dht's 20. */
  told: 64
} as const

export interface ProviderRecord<Key> {
  key: Key
  value: Uint8Array
}

/**
 * Who provides what, as the DHT keeps it for others: in memory, as providers announce themselves anew. kad-dht takes records
 * from anyone, each only of the peer itself, and without a bound: here each peer has a share.
 */
export interface ProviderRecords<Key> {
  put(key: Key, value: Uint8Array): void
  get(key: Key): Uint8Array | undefined
  delete(key: Key): void
  /** Those below a prefix: of one content as many as are told at once, or all. */
  below(prefix: string): ProviderRecord<Key>[]
}

export const providerPrefix = '/dht/provider'

/** Whether a key is that of a provider record: `/dht/provider/<content>/<peer>`. */
export function isProviderKey(key: { toString(): string }): boolean {
  return key.toString().startsWith(`${providerPrefix}/`)
}

export function providerRecords<Key extends { toString(): string }>(
  limits: { records: number; recordsOfPeer: number } = providerLimits
): ProviderRecords<Key> {
  /** By content, then by peer; both in order of arrival. */
  const records = new Map<string, Map<string, ProviderRecord<Key>>>()
  const countOfPeer = new Map<string, number>()
  let count = 0

  function split(key: { toString(): string }): [string, string] {
    const name = key.toString()
    const at = name.lastIndexOf('/')
    return [name.slice(0, at), name.slice(at + 1)]
  }

  function remove(content: string, peer: string): void {
    const ofContent = records.get(content)
    if (ofContent?.delete(peer) !== true) return
    if (ofContent.size === 0) records.delete(content)
    count--
    const left = (countOfPeer.get(peer) ?? 0) - 1
    if (left > 0) countOfPeer.set(peer, left)
    else countOfPeer.delete(peer)
  }

  function removeOldest(): void {
    for (const [content, ofContent] of records) {
      for (const peer of ofContent.keys()) {
        remove(content, peer)
        return
      }
    }
  }

  return {
    put(key, value) {
      const [content, peer] = split(key)
      remove(content, peer)
      if ((countOfPeer.get(peer) ?? 0) >= limits.recordsOfPeer) return
      if (count >= limits.records) removeOldest()
      const ofContent = records.get(content) ?? new Map<string, ProviderRecord<Key>>()
      records.set(content, ofContent.set(peer, { key, value }))
      count++
      countOfPeer.set(peer, (countOfPeer.get(peer) ?? 0) + 1)
    },
    get(key) {
      const [content, peer] = split(key)
      return records.get(content)?.get(peer)?.value
    },
    delete: key => remove(...split(key)),
    below(prefix) {
      const name = prefix.replace(/\/$/u, '')
      if (name === providerPrefix) return [...records.values()].flatMap(ofContent => [...ofContent.values()])
      const ofContent = [...(records.get(name)?.values() ?? [])]
      if (ofContent.length <= providerLimits.told) return ofContent
      // Some that came long ago, too: a flood of new ones does not hide them.
      const half = providerLimits.told / 2
      return [...ofContent.slice(0, half), ...ofContent.slice(-half)]
    }
  }
}
