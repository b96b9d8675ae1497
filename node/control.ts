import { monitorEventLoopDelay } from 'node:perf_hooks'
import { z } from 'zod'
import type { ConnectedPeer } from '../src/network/libp2p.js'

/** What a node's memory, event loop and peers are like. */
export interface NodeHealth {
  rssBytes: number
  heapUsedBytes: number
  /** How late timers came since the last reset, in ms. */
  eventLoop: { p50Ms: number; p99Ms: number; maxMs: number }
  peers: ConnectedPeer[]
}

/** What the owner of a node's process may ask of it over the IPC channel: the means of fault tests. Nobody else has the channel. */
export type ControlMessage =
  /** Cuts the connections to a peer, and refuses new ones. */
  | { type: 'buffalo:deny'; peerId: string }
  /** Takes a `deny` back. */
  | { type: 'buffalo:undeny'; peerId: string }
  /** Answered by a `health` message with the same id. `reset`: the event loop is measured anew from here on. */
  | { type: 'buffalo:health'; id: number; reset: boolean }

const controlSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('buffalo:deny'), peerId: z.string() }),
  z.object({ type: z.literal('buffalo:undeny'), peerId: z.string() }),
  z.object({ type: z.literal('buffalo:health'), id: z.number(), reset: z.boolean() })
])

/** How a node's connections are looked at and cut. */
export interface Connections {
  peers(): ConnectedPeer[]
  /** Cuts the connections to a peer, and refuses new ones until `undeny`. */
  deny(peerId: string): Promise<void>
  undeny(peerId: string): void
}

/** Between two samples of the event loop: short against the 200 ms that matter, and long against what a sample costs. */
const resolutionMs = 10

/** Obeys the process's owner until it is disposed of. Does nothing in a process without an IPC channel. */
export function listenForControl(init: {
  connections: Connections
  answer(id: number, health: NodeHealth): void
  onError(err: unknown): void
}): { dispose(): void } {
  if (process.send === undefined) {
    return { dispose: () => undefined }
  }
  const { connections } = init
  const delay = monitorEventLoopDelay({ resolution: resolutionMs })
  delay.enable()

  // The histogram holds the time between two samples, so a loop that is never late shows the resolution itself.
  const lateMs = (ns: number): number => Math.max(0, Math.round(ns / 1e5) / 10 - resolutionMs)

  function health(reset: boolean): NodeHealth {
    const { rss, heapUsed } = process.memoryUsage()
    const answer = {
      rssBytes: rss,
      heapUsedBytes: heapUsed,
      eventLoop: {
        p50Ms: lateMs(delay.percentile(50)),
        p99Ms: lateMs(delay.percentile(99)),
        maxMs: lateMs(delay.max)
      },
      peers: connections.peers()
    }
    if (reset) {
      delay.reset()
    }
    return answer
  }

  const onMessage = (raw: unknown): void => {
    const { data: message } = controlSchema.safeParse(raw)
    switch (message?.type) {
      case 'buffalo:deny':
        connections.deny(message.peerId).catch(init.onError)
        break
      case 'buffalo:undeny':
        connections.undeny(message.peerId)
        break
      case 'buffalo:health':
        init.answer(message.id, health(message.reset))
        break
      default: // The stop message is another listener's.
    }
  }
  process.on('message', onMessage)
  return {
    dispose() {
      process.off('message', onMessage)
      delay.disable()
    }
  }
}
