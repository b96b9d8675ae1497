import type { AccountNonces } from '../interface/submission-chain.js'

/**
 * The nonce for the next transaction. Nonces that the chain has not used and the outbox does not hold come first, the lowest
 * one before the others, because a gap keeps everything above it from being mined. Nonces below `pending` that are not ours
 * belong to transactions of this account that somebody else has sent.
 */
export function nextNonce({ latest, pending }: AccountNonces, held: ReadonlySet<number>): number {
  let nonce = Math.max(latest, foreignEnd(latest, pending, held))
  while (held.has(nonce)) nonce++
  return nonce
}

/** `pending` counts an unbroken row from `latest`: where a nonce of it is not ours, it is somebody's, up to the end of the row. */
function foreignEnd(latest: number, pending: number, held: ReadonlySet<number>): number {
  for (let nonce = latest; nonce < pending; nonce++) {
    if (!held.has(nonce)) return pending
  }
  return latest
}

/** Whether the pool holds transactions of the account that the outbox does not. */
export function hasForeignPending({ latest, pending }: AccountNonces, held: ReadonlySet<number>): boolean {
  return foreignEnd(latest, pending, held) > latest
}

/** The lowest nonce that no transaction is known for, below one that the outbox holds; undefined without such a gap. */
export function findGap({ latest, pending }: AccountNonces, held: ReadonlySet<number>): number | undefined {
  const highest = Math.max(-1, ...held)
  const gap = nextNonce({ latest, pending }, held)
  return gap < highest ? gap : undefined
}
