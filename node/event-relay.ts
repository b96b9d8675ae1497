import { z } from 'zod'
import type { Address, NodeEvent } from '../src/interface/index.js'
import type { Role } from './config/settings.js'
import type { NodeHealth } from './control.js'

/** What a node says of itself once it runs. */
export interface ReadyInfo {
  role: Role
  peerId: string
  /** Multiaddrs by which others reach it. */
  addresses: string[]
  /** Undefined for a sequencer, which needs none. */
  account: Address | undefined
  pid: number
}

/** What a node tells the process that started it, over Node's IPC channel. */
export type NodeMessage =
  | { type: 'ready'; ready: ReadyInfo }
  | { type: 'event'; event: NodeEvent }
  /** The answer to a control message. */
  | { type: 'health'; id: number; health: NodeHealth }

/** bigints do not pass as JSON: `jobId`, the only one, goes as decimal text. */
type WireMessage =
  | { type: 'ready'; ready: ReadyInfo }
  | { type: 'event'; event: { jobId: string; type: string } }
  | { type: 'health'; id: number; health: NodeHealth }

/** Sends messages to the parent process; does nothing where there is none, or it is gone. */
export function createEventRelay(): (message: NodeMessage) => void {
  return message => {
    if (process.send === undefined || !process.connected) {
      return
    }
    // The callback takes the error of a parent that goes away at this moment: the channel's end stops the node.
    process.send(toWire(message), undefined, undefined, () => undefined)
  }
}

const wireSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready'), ready: z.looseObject({ peerId: z.string() }) }),
  z.object({ type: z.literal('event'), event: z.looseObject({ type: z.string(), jobId: z.string() }) }),
  z.object({ type: z.literal('health'), id: z.number(), health: z.looseObject({ rssBytes: z.number() }) })
])

/** Undefined for what is no message of a node. */
export function parseNodeMessage(message: unknown): NodeMessage | undefined {
  const parsed = wireSchema.safeParse(message)
  if (!parsed.success) {
    return undefined
  }
  // Both ends are the same program: the shape is checked only so far that another's message is not taken for one.
  return parsed.data.type === 'event'
    ? {
        type: 'event',
        event: { ...parsed.data.event, jobId: BigInt(parsed.data.event.jobId) } as unknown as NodeEvent
      }
    : (parsed.data as unknown as NodeMessage)
}

function toWire(message: NodeMessage): WireMessage {
  return message.type === 'event'
    ? { type: 'event', event: { ...message.event, jobId: message.event.jobId.toString() } }
    : message
}
