import type { Address, PeerKey } from '../interface/bytes.js'
import type { Clock, Timer } from '../interface/clock.js'
import type { Gossip } from '../interface/gossip.js'
import type { LeaseTiming } from '../interface/lease.js'
import type { Logger } from '../interface/logger.js'

/** Newcomers are answered at most this often in an interval, so that they know the others before they first claim. */
const ANSWERS_PER_INTERVAL = 4
/**
 * So many workers answer, by lot. Newcomers hear of the others by sync, too, and at the latest before they first claim: were all
 * to answer, each that joins would cost all of them a message to all.
 */
const ANSWERING = 16

export interface PresencePublisherInit {
  self: PeerKey
  account: Address
  timing: LeaseTiming
  models(): string[]
  capacity(): number
  load(): number
  /** Other workers that are live. */
  workers(): number
  /** Whether most of them are out of time here. */
  isOutOfTime(): boolean
}

export interface PresencePublisherComponents {
  gossip: Pick<Gossip, 'publishPresence'>
  clock: Clock
  /** From 0 to below 1. */
  random(): number
  logger: Logger
}

/** Says at every interval, and to newcomers at once, that this worker is there. */
export interface PresencePublisher {
  start(): void
  /** A newcomer was seen. */
  answer(): void
  /** Says what is true now, out of turn: the last word of a worker that shuts down. */
  publish(): Promise<void>
  /** The same, unless it was the last to be said. */
  refresh(): void
  stop(): void
}

export function presencePublisher(
  init: PresencePublisherInit
): (components: PresencePublisherComponents) => PresencePublisher {
  return ({ gossip, clock, random, logger }) => {
    const { self, account, timing } = init
    let timer: Timer | undefined
    let answering: Timer | undefined
    let lastSentMs = 0
    /** What this node said to have room for. */
    let saidCapacity: number | undefined

    async function publish(): Promise<void> {
      // Whatever it is said for, it answers newcomers, too, and the next one is due an interval later.
      answering?.cancel()
      answering = undefined
      if (timer !== undefined) plan()
      // A later message always has a later time, or receivers take it for an old one. But where the clock was set back by more than
      // receivers let it differ, those from before were of a wrong time, and so would be all until then.
      const nowMs = clock.now()
      lastSentMs = lastSentMs > nowMs + timing.skewMs ? nowMs : Math.max(nowMs, lastSentMs + 1)
      saidCapacity = init.capacity()
      await gossip.publishPresence({
        worker: self,
        account,
        models: init.models(),
        capacity: saidCapacity,
        load: init.load(),
        sentAtMs: lastSentMs,
        ...(init.isOutOfTime() && { isOutOfTime: true as const })
      })
    }

    function publishOrLog(): void {
      publish().catch(err => logger.debug({ err }, 'presence could not be published; the next one follows'))
    }

    function plan(): void {
      timer?.cancel()
      timer = clock.schedule(timing.presenceIntervalMs, publishOrLog)
    }

    return {
      start() {
        if (timer !== undefined) return
        plan()
        publishOrLog()
      },
      answer() {
        answering ??= clock.schedule(timing.presenceIntervalMs / ANSWERS_PER_INTERVAL, () => {
          answering = undefined
          if (random() * init.workers() < ANSWERING) publishOrLog()
        })
      },
      publish,
      refresh() {
        if (saidCapacity !== init.capacity()) publishOrLog()
      },
      stop() {
        timer?.cancel()
        timer = undefined
        answering?.cancel()
      }
    }
  }
}
