import { hash } from 'node:crypto'
import type { JobKey, PeerKey } from '../interface/bytes.js'

/**
 * Rendezvous hashing: how good a worker is for a job. Lower is better; the same on every node.
 *
 * @returns SHA-256(jobKey, peer key) as 64 lowercase hex digits, which sort as the numbers do
 */
export function score(job: JobKey, worker: PeerKey): string {
  return hash('sha256', Buffer.from(job + worker, 'hex'), 'hex')
}

/** Where a score lies in [0, 1): the share of all possible workers that would be better. */
export function scoreFraction(value: string): number {
  return Number.parseInt(value.slice(0, 12), 16) / 2 ** 48
}
