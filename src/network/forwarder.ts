import { type GossipSub, TopicValidatorResult } from '@libp2p/gossipsub'
import type { Clock, Startable, Timer } from '../interface/index.js'

export interface ForwarderInit {
  /** Messages wait for this long, and a random part of `spreadMs`, to be passed on together. */
  holdMs: number
  spreadMs: number
}

export interface ForwarderComponents {
  gossipsub: GossipSub
  clock: Clock
  /** From 0 to below 1. */
  random(): number
}

/** gossipsub's answer to a message that was validated: it is passed on to the mesh. */
type Report = (msgId: string, source: string, acceptance: TopicValidatorResult) => void

/**
 * Passes accepted messages on to the mesh a little later than gossipsub by itself would, and many at a time.
 *
 * An author sends its messages to all of its peers, so that in a network where everyone knows everyone, nobody needs what
 * the others pass on: of nine packets for a message among four nodes, six say nothing new, and they stand in the way of
 * the next step of the job. After the wait a node knows of those that passed the message on before it, and spares them.
 * The random part sees to it that one of several is first.
 *
 * For gossipsub with `asyncValidation`, which tells of each message that the topic's validator took, and keeps it until then.
 * What waits is bounded by what peers may send in that time; see guardLimits.
 */
export function forwarder(init: ForwarderInit): (components: ForwarderComponents) => Startable {
  return ({ gossipsub, clock, random }) => {
    const report = reporter(gossipsub)
    let waiting: { msgId: string; source: string }[] = []
    let timer: Timer | undefined

    function onMessage({
      detail: { msgId, propagationSource }
    }: {
      detail: { msgId: string; propagationSource: { toString(): string } }
    }): void {
      waiting.push({ msgId, source: propagationSource.toString() })
      timer ??= clock.schedule(init.holdMs + random() * init.spreadMs, passOn)
    }

    function passOn(): void {
      timer = undefined
      const messages = waiting
      waiting = []
      for (const { msgId, source } of messages) report(msgId, source, TopicValidatorResult.Accept)
    }

    return {
      start() {
        gossipsub.addEventListener('gossipsub:message', onMessage)
      },
      stop() {
        gossipsub.removeEventListener('gossipsub:message', onMessage)
        timer?.cancel()
        timer = undefined
        waiting = []
      }
    }
  }
}

/** The service's type keeps from us what the service has. */
function reporter(gossipsub: GossipSub): Report {
  if (
    !('reportMessageValidationResult' in gossipsub) ||
    typeof gossipsub.reportMessageValidationResult !== 'function'
  ) {
    throw new Error('This version of gossipsub does not pass messages on when it is told to')
  }
  return gossipsub.reportMessageValidationResult.bind(gossipsub)
}
