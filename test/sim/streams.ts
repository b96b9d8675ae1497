import type { SyncTransport } from '../../src/interface/index.js'
import type { EventLoop } from './event-loop.js'
import type { Process } from './process.js'
import type { Random } from './random.js'

type Accept = Parameters<SyncTransport['serve']>[0]

/** A message of a stream, one way, with what the transport resends. */
const HOP_MS = { min: 1, max: 20 }
/** Peers find each other, and reconnect after a partition, within this. */
const CONNECT_MS = 1_000
/** Who gets no answer gives up after this. */
const TIMEOUT_MS = 5_000

/** Streams between nodes, for the sync protocol: they lose nothing, but end with a partition or a process. */
export interface Streams {
  join(node: number, process: Process, rng: Random): SyncTransport
  leave(node: number): void
  /** Nodes that were apart hear each other again. */
  reconnect(): void
  conversations(): number
}

export interface StreamsInit {
  loop: EventLoop
  rng: Random
  names: string[]
  isConnected(a: number, b: number): boolean
}

interface End {
  process: Process
  accept: Accept | undefined
  listeners: Set<(peer: string) => void>
}

export function simulatedStreams({ loop, rng, names, isConnected }: StreamsInit): Streams {
  const ends = new Map<number, End>()
  let opened = 0

  const isUp = (a: number, b: number): boolean =>
    ends.get(b)?.process.isAlive() === true && ends.get(a)?.process.isAlive() === true && isConnected(a, b)

  function connect(a: number, b: number): void {
    loop.at(loop.nowMs() + rng.between(0, CONNECT_MS), () => {
      if (!isUp(a, b)) return
      for (const listener of ends.get(a)?.listeners ?? []) listener(names[b] ?? '')
      for (const listener of ends.get(b)?.listeners ?? []) listener(names[a] ?? '')
    })
  }

  return {
    conversations: () => opened,
    leave: node => ends.delete(node),
    reconnect() {
      for (const a of ends.keys()) for (const b of ends.keys()) if (a < b && isUp(a, b)) connect(a, b)
    },
    join(node, process, own) {
      const end: End = { process, accept: undefined, listeners: new Set() }
      ends.set(node, end)
      for (const other of ends.keys()) if (other !== node && isUp(node, other)) connect(node, other)

      /** Resolves with the peer's answer once both ways are done; rejects where it gets none. */
      async function trip<T>(peer: number, at: (theirs: End) => T): Promise<T> {
        await process.wait(own.between(HOP_MS.min, HOP_MS.max))
        const theirs = ends.get(peer)
        if (theirs === undefined || theirs.process.isPaused() || !isUp(node, peer)) {
          await process.wait(TIMEOUT_MS)
          throw new Error(`${names[peer]} does not answer`)
        }
        const answer = at(theirs)
        await process.wait(own.between(HOP_MS.min, HOP_MS.max))
        return answer
      }

      return {
        peers: () =>
          [...ends].flatMap(([other, { accept }]) =>
            other !== node && accept !== undefined && isUp(node, other) ? [names[other] ?? ''] : []
          ),
        async open(name) {
          const peer = names.indexOf(name)
          opened++
          const conversation = await trip(peer, ({ accept }) => accept?.(names[node] ?? ''))
          if (conversation === undefined) throw new Error(`${name} refuses`)
          return {
            ask: request => trip(peer, () => conversation.answer(request)),
            close: async () => conversation.close()
          }
        },
        serve(accept) {
          end.accept = accept
        },
        unserve() {
          end.accept = undefined
        },
        onConnect(listener) {
          end.listeners.add(listener)
          return () => end.listeners.delete(listener)
        }
      }
    }
  }
}
