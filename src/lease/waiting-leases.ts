import type { PeerKey } from '../interface/bytes.js'
import type { Lease } from '../interface/lease.js'

/** A newcomer's presence follows its first leases within an interval; 64 claims are more than it makes in that time. */
const MAX_PER_WORKER = 64
/** Strangers can fill these and no more: 256 of 64 leases of about 300 bytes and up to 512 of evidence are 13 MB. */
const MAX_WORKERS = 256

/** Leases of workers whose registration has not been confirmed yet. The oldest go first when there are too many. */
export interface WaitingLeases {
  hold(worker: PeerKey, leases: Lease[], envelope?: Uint8Array): void
  release(worker: PeerKey): { lease: Lease; envelope: Uint8Array | undefined }[]
}

export function waitingLeases(): WaitingLeases {
  const waiting = new Map<PeerKey, ReturnType<WaitingLeases['release']>>()
  return {
    hold(worker, leases, envelope) {
      const added = leases.map(lease => ({ lease, envelope }))
      const held = [...(waiting.get(worker) ?? []), ...added].slice(-MAX_PER_WORKER)
      waiting.delete(worker)
      waiting.set(worker, held)
      const [oldest] = waiting.keys()
      if (waiting.size > MAX_WORKERS && oldest !== undefined) waiting.delete(oldest)
    },
    release(worker) {
      const held = waiting.get(worker) ?? []
      waiting.delete(worker)
      return held
    }
  }
}
