import type { Clock } from '../../src/interface/clock.js'
import type { PubSub, Verdict } from '../../src/interface/pubsub.js'

/** A network in memory: what one peer publishes is shown to all others after a delay. */
export interface MemoryNetwork {
  join(name: string): PubSub
  /** Messages of a peer are lost from now on, both ways. */
  cut(name: string): void
  heal(name: string): void
  isCut(name: string): boolean
  /** The next publishes of a peer on a topic of this kind fail. */
  failPublish(name: string, kind: string, times: number): void
  /** Messages published so far, by topic kind. */
  published(kind: string): number
}

export function memoryNetwork(
  clock: Clock,
  delayMs: (from: string, to: string) => number = () => 5
): MemoryNetwork {
  const peers = new Map<string, Map<string, (from: string, data: Uint8Array) => Promise<Verdict>>>()
  const isCut = new Set<string>()
  const counts = new Map<string, number>()
  const failures = new Map<string, number>()
  return {
    join(name) {
      const topics = new Map<string, (from: string, data: Uint8Array) => Promise<Verdict>>()
      peers.set(name, topics)
      return {
        subscribe: (topic, validate) => {
          topics.set(topic, validate)
        },
        unsubscribe: topic => {
          topics.delete(topic)
        },
        async publish(topic, data) {
          const kind = topic.split('/')[3] ?? ''
          const left = failures.get(`${name} ${kind}`) ?? 0
          if (left > 0) {
            failures.set(`${name} ${kind}`, left - 1)
            throw new Error('The network takes no message')
          }
          counts.set(kind, (counts.get(kind) ?? 0) + 1)
          for (const [other, theirs] of peers) {
            if (other === name) continue
            clock.schedule(delayMs(name, other), () => {
              if (isCut.has(name) || isCut.has(other)) return
              void theirs.get(topic)?.(name, data)
            })
          }
        },
        subscribers: topic =>
          [...peers].filter(([other, theirs]) => other !== name && theirs.has(topic)).map(([other]) => other)
      }
    },
    cut: name => isCut.add(name),
    heal: name => isCut.delete(name),
    failPublish: (name, kind, times) => {
      failures.set(`${name} ${kind}`, times)
    },
    isCut: name => isCut.has(name),
    published: kind => counts.get(kind) ?? 0
  }
}
