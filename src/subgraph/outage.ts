import type { Clock } from '../interface/clock.js'
import type { Logger } from '../interface/logger.js'

/** Says once that the subgraph cannot be read, and once that it can again, however many readers meet the trouble. */
export interface Outage {
  failed(reader: string, err: unknown): void
  recovered(reader: string): void
}

export function outage({ logger, clock }: { logger: Logger; clock: Clock }): Outage {
  const troubled = new Set<string>()
  let sinceMs = 0
  return {
    failed(reader, err) {
      if (troubled.size === 0) {
        sinceMs = clock.now()
        logger.warn({ err }, `${reader} cannot be read from the subgraph: trying again`)
      }
      troubled.add(reader)
    },
    recovered(reader) {
      if (!troubled.delete(reader) || troubled.size > 0) return
      logger.info({ durationMs: clock.now() - sinceMs }, `${reader} are read again`)
    }
  }
}
