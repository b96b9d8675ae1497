import { createHash } from 'node:crypto'
import type { Hex, Receipt } from '../interface/index.js'
import type { ReceiptOrigin } from './messages.js'

/** The receipt of a run that ended with this output; `0x`, no output, where it failed. */
export function receiptOf(origin: ReceiptOrigin, output: Hex): Receipt {
  return { ...origin, outputHash: `0x${createHash('sha256').update(bytesOf(output)).digest('hex')}` }
}

export function bytesOf(hex: Hex): Uint8Array {
  return Buffer.from(hex.slice(2), 'hex')
}
