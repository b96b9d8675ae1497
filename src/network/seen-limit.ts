/**
 * Bounds what gossipsub remembers of the messages that it has seen: it keeps the id of each for `seenTTL`, however many there
 * are (libp2p has no option for it). Beyond `most` the oldest is forgotten, and could be told again: gossip refuses it
 * for its age, or takes it for the repetition that it is.
 *
 * @throws Error if the service has no such memory: another version of gossipsub
 */
export function limitSeen<Service extends object>(service: Service, most: number): Service {
  const cache: unknown = 'seenCache' in service ? service.seenCache : undefined
  if (!isCache(cache))
    throw new Error('gossipsub has no seenCache that could be bounded: look at seen-limit.ts')
  const { entries } = cache
  const put = cache.put.bind(cache)
  cache.put = (...args) => {
    const isCollision = put(...args)
    if (entries.size > most) {
      const [oldest] = entries.keys()
      entries.delete(oldest)
    }
    return isCollision
  }
  return service
}

interface Cache {
  entries: Map<unknown, unknown>
  put(...args: unknown[]): unknown
}

function isCache(value: unknown): value is Cache {
  return (
    typeof value === 'object' &&
    value !== null &&
    'entries' in value &&
    value.entries instanceof Map &&
    'put' in value &&
    typeof value.put === 'function'
  )
}
