import { JobAnnouncements, Leases, PresenceMessage, ResultNotices } from '../../../src/gossip/messages.js'

interface Codec<T> {
  decode: (bytes: Uint8Array, ...rest: never[]) => T
}

let isShared = false

/**
 * All nodes of a simulation get the very same bytes: the first decodes a payload, the others are given what came of it. So are
 * the lists that are read from it, by functions of the message alone (`readLeases` and its like): the first to map a list
 * does so for all. Nobody may change what it is given; times are judged by each node for itself.
 */
export function shareMessages(): void {
  if (isShared) return
  isShared = true
  share(JobAnnouncements, ({ jobs }) => [jobs])
  share(Leases, ({ leases }) => [leases])
  share(ResultNotices, ({ results }) => [results])
  share(PresenceMessage, () => [])
}

function share<T extends object>(codec: Codec<T>, listsOf: (message: T) => unknown[][]): void {
  const decode = codec.decode
  const decoded = new WeakMap<Uint8Array, T>()
  codec.decode = (bytes, ...rest) => {
    const known = decoded.get(bytes)
    if (known !== undefined) return known
    const message = decode(bytes, ...rest)
    for (const list of listsOf(message)) shareMap(list)
    decoded.set(bytes, message)
    return message
  }
}

/** By the text of the function: the observer of a run reads other things from the same lists. */
function shareMap(list: unknown[]): void {
  const mapped = new Map<string, unknown[]>()
  Object.defineProperty(list, 'map', {
    value(this: unknown[], read: (item: unknown, index: number, all: unknown[]) => unknown) {
      const text = read.toString()
      const known = mapped.get(text)
      if (known !== undefined) return known
      const made: unknown[] = Array.prototype.map.call(this, read)
      mapped.set(text, made)
      return made
    }
  })
}
