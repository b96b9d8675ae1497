import { type Logger, systemClock } from '../../src/interface/index.js'
import { createNetworkClient } from '../../src/network/client.js'
import { peerKeyOfString } from '../../src/network/identity.js'
import { askTimeline, timelineProtocol } from '../../src/timeline/index.js'
import { sleep } from '../wait.js'
import type { AskedNode } from './timeline-types.js'

export interface AskNodesInit {
  jobId: bigint
  bootstrap: string[]
  peersDirectory: string | undefined
  /** Whether private and loopback addresses count that nodes tell. */
  local: boolean
  /** For all of it. */
  timeoutMs: number
  logger: Logger
  signal: AbortSignal
}

/** Nodes that are asked. More than this many see the same. */
const maxNodes = 64
/**
 * Looks after the last find that bring nothing new, and as many more as long as nobody has been found. They are counted, not
 * timed: on a busy machine a process that stands still for a second has had no chance to read the peer directory.
 */
const quietLooks = 6
const firstQuietLooks = 20
const lookMs = 100

/** Asks all nodes that can be found and reached within the time. Never rejects for what a node does or does not. */
export async function askNodes(init: AskNodesInit): Promise<AskedNode[]> {
  const { jobId, logger, timeoutMs } = init
  const signal = AbortSignal.any([init.signal, AbortSignal.timeout(timeoutMs)])
  const asked = new Map<string, AskedNode>()
  const asking = new Set<Promise<void>>()
  let looks = 0
  let searches = 0

  const client = await createNetworkClient(
    {
      bootstrap: init.bootstrap,
      peerDirectory: init.peersDirectory,
      privateAddresses: init.local,
      onFound: peerId => found(peerId)
    },
    { clock: systemClock, logger }
  )

  function found(peerId: string): void {
    if (asked.has(peerId) || asked.size >= maxNodes || signal.aborted) return
    looks = 0
    const node: AskedNode = { peerId, peerKey: '', timeline: undefined, problem: 'it did not answer in time' }
    asked.set(peerId, node)
    const work = ask(node).finally(() => asking.delete(work))
    asking.add(work)
  }

  async function ask(node: AskedNode): Promise<void> {
    try {
      node.peerKey = peerKeyOfString(node.peerId)
      const stream = await client.openStream(node.peerId, timelineProtocol, signal)
      node.timeline = await askTimeline(stream, jobId, { clock: systemClock, signal })
      node.problem = undefined
      // Through the first few that answer, the others are found.
      if (searches++ < 3) await client.search(signal)
    } catch (err) {
      if (node.timeline === undefined && !signal.aborted) node.problem = problemOf(err)
      logger.debug({ err, peer: node.peerId }, 'a node could not be asked')
    }
  }

  const isQuiet = (): boolean =>
    asking.size === 0 && looks >= (asked.size === 0 ? firstQuietLooks : quietLooks)

  try {
    while (!signal.aborted && !isQuiet()) {
      // It rejects when the time is up: then the loop ends.
      await sleep(lookMs, signal).catch(() => undefined)
      looks++
    }
  } finally {
    await client.stop()
    await Promise.allSettled(asking)
  }
  init.signal.throwIfAborted()
  return [...asked.values()].filter(({ peerKey }) => peerKey !== '')
}

/** libp2p's errors in the words of the person who asked. */
function problemOf(err: unknown): string {
  const name = err instanceof Error ? err.name : ''
  const message = err instanceof Error ? err.message : String(err)
  if (name === 'UnsupportedProtocolError') return 'it keeps no timeline: is it an older version?'
  if (name === 'NoValidAddressesError') return 'it has no address'
  if (message.includes('ECONNREFUSED')) return 'nobody answers at its address: it is down'
  return message.slice(0, 200)
}
