import { hash } from 'node:crypto'
import type { JobKey, PeerKey } from '../interface/bytes.js'

/** Written anew for each score: a worker asks for some of each job. */
const preimage = Buffer.alloc(64)

/**
 * Rendezvous hashing: how good a worker is for a job. Lower is better; the same on every node.
 *
 * @returns SHA-256(jobKey, peer key) as 64 lowercase hex digits, which sort as the numbers do
 */
export function score(job: JobKey, worker: PeerKey): string {
  preimage.write(job, 0, 32, 'hex')
  preimage.write(worker, 32, 32, 'hex')
  return hash('sha256', preimage, 'hex')
}

/** Where a score lies in [0, 1): the share of all possible workers that would be better. */
export function scoreFraction(value: string): number {
  return Number.parseInt(value.slice(0, 12), 16) / 2 ** 48
}
