import { hash } from 'node:crypto'
import type { JobKey, PeerKey } from '../interface/bytes.js'

/** Of the last score: a worker asks for those of many others for one job. */
const preimage = Buffer.alloc(64)
let lastJob: JobKey | undefined

/**
 * Rendezvous hashing: how good a worker is for a job. Lower is better; the same on every node.
 *
 * @returns SHA-256(jobKey, peer key) as 64 lowercase hex digits, which sort as the numbers do
 */
export function score(job: JobKey, worker: PeerKey): string {
  if (job !== lastJob) preimage.write(job, 0, 32, 'hex')
  lastJob = job
  preimage.write(worker, 32, 32, 'hex')
  return hash('sha256', preimage, 'hex')
}

/** Where a score lies in [0, 1): the share of all possible workers that would be better. */
export function scoreFraction(value: string): number {
  return Number.parseInt(value.slice(0, 12), 16) / 2 ** 48
}
