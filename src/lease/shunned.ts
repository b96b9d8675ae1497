import { LRUCache } from 'lru-cache'
import type { PeerKey } from '../interface/bytes.js'
import type { Clock } from '../interface/clock.js'
import type { EquivocationProof } from '../interface/lease.js'

/**
 * How long a worker that claimed twice in one slot is left out, after the leases that prove it would have ended: sixty leases, so
 * that lying costs more than it can win. Counted from what it signed, and so to the same moment at all nodes, whenever they
 * learn of it; and a proof that goes round by sync does not begin it anew.
 */
const SHUN_MS = 600_000
/** Workers that are shunned at a time. A proof is up to 32 kB, about 600 bytes as a rule: 8 MB at the very most. */
const MAX_SHUNNED = 256

/** The workers that were proven to have claimed a job twice in one slot, for a while, with the proof. */
export interface Shunned {
  has(worker: PeerKey): boolean
  /** Notes a proof. False if the worker is shunned already, or not any more for that lie. */
  add(proof: EquivocationProof): boolean
  /** Of the workers that were heard last, last. */
  proofs(): EquivocationProof[]
}

export function shunned({ clock }: { clock: Clock }): Shunned {
  const proofs = new LRUCache<PeerKey, { proof: EquivocationProof; untilMs: number }>({ max: MAX_SHUNNED })
  const has = (worker: PeerKey): boolean => (proofs.get(worker)?.untilMs ?? 0) > clock.now()
  return {
    has,
    add(proof) {
      const [first, second] = proof.leases
      const untilMs = Math.max(first.expiresMs, second.expiresMs) + SHUN_MS
      const wasShunned = has(first.worker)
      // Of several lies the last counts, so that all nodes agree on when it ends.
      if (untilMs > Math.max(clock.now(), proofs.peek(first.worker)?.untilMs ?? 0))
        proofs.set(first.worker, { proof, untilMs })
      return !wasShunned && has(first.worker)
    },
    proofs: () =>
      [...proofs.values()]
        .filter(({ untilMs }) => untilMs > clock.now())
        .map(({ proof }) => proof)
        .reverse()
  }
}
