import type { Clock } from '../interface/clock.js'
import type { Logger } from '../interface/logger.js'

/** A gateway that fails every other request would fill the log: further outages are told of after this time, if they last. */
export const REPEAT_MS = 60_000

/** Says once that the subgraph cannot be read, and once that it can again, however many readers meet the trouble. */
export interface Outage {
  failed(reader: string, err: unknown): void
  recovered(reader: string): void
}

export function outage({ logger, clock }: { logger: Logger; clock: Clock }): Outage {
  const troubled = new Set<string>()
  let sinceMs = 0
  let toldMs = Number.NEGATIVE_INFINITY
  let isTold = false
  return {
    failed(reader, err) {
      if (troubled.size === 0) sinceMs = clock.now()
      troubled.add(reader)
      if (isTold || clock.now() - toldMs < REPEAT_MS) return
      isTold = true
      toldMs = clock.now()
      logger.warn({ err }, `${reader} cannot be read from the subgraph: trying again`)
    },
    recovered(reader) {
      if (!troubled.delete(reader) || troubled.size > 0) return
      if (isTold) logger.info({ durationMs: clock.now() - sinceMs }, `${reader} are read again`)
      isTold = false
    }
  }
}
