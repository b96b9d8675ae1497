import type { Address, PeerKey } from '../interface/bytes.js'
import type { Clock, Timer } from '../interface/clock.js'
import type { Gossip } from '../interface/gossip.js'
import type { LeaseTiming } from '../interface/lease.js'
import type { Logger } from '../interface/logger.js'

/** Newcomers are answered at most this often in an interval, so that they know the others before they first claim. */
const ANSWERS_PER_INTERVAL = 4

export interface PresencePublisherInit {
  self: PeerKey
  account: Address
  timing: LeaseTiming
  models(): string[]
  capacity(): number
  load(): number
}

export interface PresencePublisherComponents {
  gossip: Pick<Gossip, 'publishPresence'>
  clock: Clock
  logger: Logger
}

/** Says at every interval, and to newcomers at once, that this worker is there. */
export interface PresencePublisher {
  start(): void
  /** A newcomer was seen. */
  answer(): void
  /** Says what is true now, out of turn: the last word of a worker that shuts down. */
  publish(): Promise<void>
  stop(): void
}

export function presencePublisher(
  init: PresencePublisherInit
): (components: PresencePublisherComponents) => PresencePublisher {
  return ({ gossip, clock, logger }) => {
    const { self, account, timing } = init
    let timer: Timer | undefined
    let answering: Timer | undefined
    let lastSentMs = 0

    async function publish(): Promise<void> {
      // Whatever it is said for, it answers newcomers, too, and the next one is due an interval later.
      answering?.cancel()
      answering = undefined
      if (timer !== undefined) plan()
      // A later message always has a later time, or receivers take it for an old one.
      lastSentMs = Math.max(clock.now(), lastSentMs + 1)
      await gossip.publishPresence({
        worker: self,
        account,
        models: init.models(),
        capacity: init.capacity(),
        load: init.load(),
        sentAtMs: lastSentMs
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
        answering ??= clock.schedule(timing.presenceIntervalMs / ANSWERS_PER_INTERVAL, publishOrLog)
      },
      publish,
      stop() {
        timer?.cancel()
        timer = undefined
        answering?.cancel()
      }
    }
  }
}
