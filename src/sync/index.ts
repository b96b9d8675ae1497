import type { Clock } from '../interface/clock.js'
import type { Logger } from '../interface/logger.js'
import type { Startable } from '../interface/startable.js'
import type { SyncTransport } from '../interface/sync.js'
import type { JobIndex } from './job-index.js'
import type { RequesterComponents, SyncOutcome, SyncSink } from './requester.js'
import { type ResponderComponents, responder, type SyncSource } from './responder.js'
import { synchroniser } from './synchroniser.js'

export { type JobIndex, jobIndex } from './job-index.js'
export { syncLimits } from './limits.js'
export type { SyncOutcome, SyncSink } from './requester.js'
export { responder, type SyncSource } from './responder.js'

export interface SyncInit {
  onSynced?(outcome: SyncOutcome): void
}

export interface SyncComponents {
  transport: SyncTransport
  jobs: JobIndex
  source: Omit<SyncSource, 'jobs'>
  sink: SyncSink
  codec: ResponderComponents['codec'] & RequesterComponents['codec']
  limits: ResponderComponents['limits']
  clock: Clock
  random(): number
  logger: Logger
}

/** `/buffalo/sync/1.0.0`: open jobs, live leases, presence and proofs, from any peer and to any peer (docs/protocol.md, "Sync"). */
export function sync(init: SyncInit = {}): (components: SyncComponents) => Startable {
  return ({ jobs, source, codec, limits, ...components }) =>
    synchroniser(init)({
      ...components,
      jobs,
      codec,
      responder: responder({ source: { ...source, jobs }, codec, limits, clock: components.clock })
    })
}
