import { createHash } from 'node:crypto'
import type { JobKey } from '../interface/bytes.js'
import type { JobReference } from '../interface/job.js'
import type { NetworkIdentity } from '../interface/settings.js'

/** chainId 8, oracle 20, jobId 32, blockHash 32, txHash 32, logIndex 4, dataHash 32 bytes; numbers big endian. */
const PREIMAGE_SIZE_BYTES = 8 + 20 + 32 + 32 + 32 + 4 + 32

/**
 * The key of a job: SHA-256 over where its log lies and what it says. A job that a reorg mines again has another key.
 *
 * @returns 64 lowercase hex digits
 */
export function jobKey(
  { chainId, oracle }: Pick<NetworkIdentity, 'chainId' | 'oracle'>,
  { jobId, blockHash, txHash, logIndex, dataHash }: Omit<JobReference, 'key' | 'blockNumber'>
): JobKey {
  const preimage = Buffer.alloc(PREIMAGE_SIZE_BYTES)
  preimage.writeBigUInt64BE(BigInt(chainId), 0)
  preimage.write(oracle.slice(2), 8, 20, 'hex')
  preimage.write(jobId.toString(16).padStart(64, '0'), 28, 32, 'hex')
  preimage.write(blockHash.slice(2), 60, 32, 'hex')
  preimage.write(txHash.slice(2), 92, 32, 'hex')
  preimage.writeUInt32BE(logIndex, 124)
  preimage.write(dataHash.slice(2), 128, 32, 'hex')
  return createHash('sha256').update(preimage).digest('hex')
}
