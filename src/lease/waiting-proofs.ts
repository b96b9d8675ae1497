import { LRUCache } from 'lru-cache'
import type { PeerKey } from '../interface/bytes.js'
import type { EquivocationProof } from '../interface/lease.js'

/** As many as a node shuns at a time (shunned.ts). */
const MAX_WORKERS = 256
/**
 * Anyone can make keys and prove lies of them: such proofs take no more than this. Room for 256 honest ones (600 bytes) six
 * times over. Who is crowded out is proven again at the next sync.
 */
const MAX_BYTES = 2 ** 20

/** Proofs against workers whose registration has not been confirmed here yet. Of too many, those told longest ago go first. */
export interface WaitingProofs {
  hold(proof: EquivocationProof): void
  /** Takes the worker's proof, if there is one. */
  release(worker: PeerKey): EquivocationProof | undefined
  readonly size: number
  readonly sizeBytes: number
}

export function waitingProofs(): WaitingProofs {
  const waiting = new LRUCache<PeerKey, EquivocationProof>({
    max: MAX_WORKERS,
    maxSize: MAX_BYTES,
    sizeCalculation: ({ envelopes: [first, second] }) => first.byteLength + second.byteLength + 1
  })
  return {
    hold(proof) {
      waiting.set(proof.leases[0].worker, proof)
    },
    release(worker) {
      const proof = waiting.peek(worker)
      waiting.delete(worker)
      return proof
    },
    get size() {
      return waiting.size
    },
    get sizeBytes() {
      return waiting.calculatedSize
    }
  }
}
