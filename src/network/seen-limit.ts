/**
 * Bounds what gossipsub remembers of the messages that it has seen: it keeps the id of each for `seenTTL`, and who brought
 * it for two minutes, however many there are (libp2p has no option for it). Beyond `most` the oldest is forgotten, and could
 * be told again: gossip refuses it for its age, or takes it for the repetition that it is.
 *
 * @throws Error if the service has no such memory: another version of gossipsub
 */
export function limitSeen<Service extends object>(service: Service, most: number): Service {
  const cache = member(service, 'seenCache')
  const entries = member(cache, 'entries')
  const deliveries = member(member(service, 'score'), 'deliveryRecords')
  const records = member(deliveries, 'records')
  const queue = member(deliveries, 'queue')
  const shift = member(queue, 'shift')
  if (!isMap(entries) || !isMap(records) || !isFunction(shift)) throw unknownVersion()
  after(cache, 'put', () => dropOldest(entries, most))
  after(deliveries, 'ensureRecord', () => {
    // Both are in the order of arrival.
    if (dropOldest(records, most)) shift.call(queue)
  })
  return service
}

function dropOldest(map: Map<unknown, unknown>, most: number): boolean {
  if (map.size <= most) return false
  const [oldest] = map.keys()
  return map.delete(oldest)
}

/** Does something after each call of a method. */
function after(target: unknown, name: string, then: () => void): void {
  const method = member(target, name)
  if (!isFunction(method) || typeof target !== 'object' || target === null) throw unknownVersion()
  Object.assign(target, {
    [name]: (...args: unknown[]) => {
      const result = method.apply(target, args)
      then()
      return result
    }
  })
}

const unknownVersion = (): Error =>
  new Error('gossipsub does not keep what it has seen where it did: look at seen-limit.ts')

const member = (of: unknown, name: string): unknown =>
  typeof of === 'object' && of !== null ? Reflect.get(of, name) : undefined

const isMap = (value: unknown): value is Map<unknown, unknown> => value instanceof Map

const isFunction = (value: unknown): value is (...args: unknown[]) => unknown => typeof value === 'function'
