import type { SyncTransport } from '../../src/interface/index.js'
import type { MemoryNetwork } from './memory-pubsub.js'

type Accept = Parameters<SyncTransport['serve']>[0]

/** Sync between the peers of a network in memory: connected are all that are not cut off. Answers come at once. */
export function memorySync(network: Pick<MemoryNetwork, 'isCut'>) {
  const serving = new Map<string, Accept>()
  const listeners = new Map<string, Set<(peer: string) => void>>()
  const sent = { requests: 0, bytes: 0 }
  const peersOf = (name: string): string[] =>
    network.isCut(name) ? [] : [...serving.keys()].filter(other => other !== name && !network.isCut(other))

  return {
    sent,
    /** Tells all that are connected to a peer of it, and the peer of them, as after a heal. */
    connected(name: string) {
      for (const other of peersOf(name)) {
        for (const tell of listeners.get(other) ?? []) tell(name)
        for (const tell of listeners.get(name) ?? []) tell(other)
      }
    },
    join(name: string): SyncTransport {
      const mine = new Set<(peer: string) => void>()
      listeners.set(name, mine)
      return {
        peers: () => peersOf(name),
        async open(peer) {
          const conversation = peersOf(name).includes(peer) ? serving.get(peer)?.(name) : undefined
          if (conversation === undefined) throw new Error(`${peer} refuses`)
          return {
            async ask(request) {
              if (!peersOf(name).includes(peer)) throw new Error(`${peer} is gone`)
              const answer = conversation.answer(request)
              sent.requests++
              sent.bytes += request.byteLength + answer.byteLength
              return answer
            },
            close: async () => conversation.close()
          }
        },
        serve(accept) {
          serving.set(name, accept)
        },
        unserve() {
          serving.delete(name)
        },
        onConnect(listener) {
          mine.add(listener)
          return () => mine.delete(listener)
        }
      }
    }
  }
}
