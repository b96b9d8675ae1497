import { LRUCache } from 'lru-cache'
import type { PeerKey } from '../interface/bytes.js'
import type { Clock } from '../interface/clock.js'
import type { EquivocationProof } from '../interface/lease.js'

/** How long a worker that claimed twice in one slot is left out: sixty leases, so that lying costs more than it can win. */
const SHUN_MS = 600_000
/** Workers that are shunned at a time. A proof is up to 32 kB, about 600 bytes as a rule: 8 MB at the very most. */
const MAX_SHUNNED = 256

/** The workers that were proven to have claimed a job twice in one slot, for a while, with the proof. */
export interface Shunned {
  has(worker: PeerKey): boolean
  /** False if the worker is shunned already. */
  add(proof: EquivocationProof): boolean
  proofs(): EquivocationProof[]
}

export function shunned({ clock }: { clock: Clock }): Shunned {
  const proofs = new LRUCache<PeerKey, { proof: EquivocationProof; untilMs: number }>({ max: MAX_SHUNNED })
  const has = (worker: PeerKey): boolean => (proofs.get(worker)?.untilMs ?? 0) > clock.now()
  return {
    has,
    add(proof) {
      const { worker } = proof.leases[0]
      if (has(worker)) return false
      proofs.set(worker, { proof, untilMs: clock.now() + SHUN_MS })
      return true
    },
    proofs: () =>
      [...proofs.values()].filter(({ untilMs }) => untilMs > clock.now()).map(({ proof }) => proof)
  }
}
