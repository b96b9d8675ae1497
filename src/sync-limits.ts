import { rateLimiter, tokenBucket } from './gossip/rate-limit.js'
import type { Clock } from './interface/index.js'
import { syncLimits } from './sync/index.js'

/** What one peer may ask of a node by sync: so many requests, bytes, and so much work. */
export function syncPeerLimits(components: { clock: Clock }) {
  const requests = rateLimiter(syncLimits.requests, syncLimits.peers)(components)
  const bytes = rateLimiter(syncLimits.bytes, syncLimits.peers)(components)
  const work = rateLimiter(syncLimits.work, syncLimits.peers)(components)
  const allWork = tokenBucket(syncLimits.allWork)(components)
  return {
    takeWork: (peer: string, looks: number): boolean => work.take(peer, looks) && allWork.take(looks),
    takeRequest: (peer: string): boolean => requests.take(peer),
    takeBytes: (peer: string, sizeBytes: number): boolean => bytes.take(peer, sizeBytes)
  }
}
