import type { Clock, Timer } from '../interface/clock.js'
import type { Logger } from '../interface/logger.js'
import type { Startable } from '../interface/startable.js'
import type { SyncTransport } from '../interface/sync.js'
import { syncLimits } from './limits.js'
import { type RequesterComponents, requestAll, type SyncOutcome } from './requester.js'
import type { Responder } from './responder.js'

/** Between two looks at what others know: as long as the last wait of a re-announcement. By lot from half to one and a half. */
const INTERVAL_MS = 30_000
/** After a connection: identify and the first subscriptions go first. By lot, so that a peer is not asked by all at once. */
const CONNECT_DELAY_MS = 200
/** After a conversation that failed, or with a peer that keeps no leases where they are wanted, another peer is asked. */
const RETRY_MS = 500
/** Then, after so many tries, at the usual time. */
const MAX_TRIES = 8

export interface SynchroniserInit {
  /** Told when a conversation has ended well. */
  onSynced?(outcome: SyncOutcome): void
}

export interface SynchroniserComponents extends RequesterComponents {
  transport: SyncTransport
  responder: Responder
  clock: Clock
  /** From 0 to below 1. */
  random(): number
  logger: Logger
}

/**
 * Keeps a node's knowledge whole: asks a peer when it joins, when it has been alone, and then every half minute or so, one
 * at a time, chosen by lot. Serves others.
 */
export function synchroniser({
  onSynced
}: SynchroniserInit = {}): (components: SynchroniserComponents) => Startable {
  return components => {
    const { transport, responder, clock, random, logger } = components
    const aborter = new AbortController()
    let timer: Timer | undefined
    let unlisten: (() => void) | undefined
    let running = false
    let ended: Promise<void> = Promise.resolve()
    /** Presence and leases may have been missed. */
    let isBehind = true
    let wasAlone = true
    let tries = 0

    function schedule(delayMs: number): void {
      timer?.cancel()
      if (!aborter.signal.aborted) timer = clock.schedule(delayMs, run)
    }

    function next(): number {
      return INTERVAL_MS * (0.5 + random())
    }

    function run(): void {
      if (running || aborter.signal.aborted) return
      const peers = transport.peers()
      const peer = peers[Math.floor(random() * peers.length)]
      if (peer === undefined) {
        wasAlone = true
        isBehind = true
        return schedule(next())
      }
      running = true
      ended = converse(peer)
        .catch(err => {
          if (!aborter.signal.aborted) logger.debug({ err, peer }, 'a peer could not be asked; another is')
          return false
        })
        .then(isDone => {
          running = false
          tries = isDone ? 0 : tries + 1
          schedule(isDone || tries >= MAX_TRIES ? next() : RETRY_MS)
        })
    }

    /** False if there is still something to ask for, of another. */
    async function converse(peer: string): Promise<boolean> {
      const withLeases = isBehind
      // A peer that answers at the last moment, again and again, would keep this node from asking others for hours.
      const ending = new AbortController()
      const end = (): void => ending.abort(aborter.signal.reason)
      aborter.signal.addEventListener('abort', end)
      const late = clock.schedule(syncLimits.conversationMs, () =>
        ending.abort(new Error('The conversation takes too long'))
      )
      try {
        return await talk(peer, withLeases, ending.signal)
      } finally {
        late.cancel()
        aborter.signal.removeEventListener('abort', end)
      }
    }

    async function talk(peer: string, withLeases: boolean, signal: AbortSignal): Promise<boolean> {
      const conversation = await transport.open(peer, signal)
      try {
        const outcome = await requestAll(components, conversation, peer, withLeases)
        if (outcome.hasLeases) isBehind = false
        if (outcome.jobs > 0 || withLeases) logger.debug({ peer, ...outcome }, 'synchronised with a peer')
        onSynced?.(outcome)
        return !isBehind
      } finally {
        await conversation.close()
      }
    }

    function onConnect(): void {
      if (!wasAlone && transport.peers().length > 1) return
      wasAlone = false
      isBehind = true
      tries = 0
      if (!running) schedule(CONNECT_DELAY_MS * (0.5 + random()))
    }

    return {
      async start() {
        if (unlisten !== undefined || aborter.signal.aborted) return
        unlisten = transport.onConnect(onConnect)
        await transport.serve(peer => responder.accept(peer))
        if (transport.peers().length > 0) onConnect()
        else schedule(next())
      },
      async stop() {
        aborter.abort()
        timer?.cancel()
        unlisten?.()
        await transport.unserve()
        await ended
      }
    }
  }
}
