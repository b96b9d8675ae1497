import { createHash } from 'node:crypto'
import type { Hex, Receipt } from '../interface/index.js'
import type { ReceiptOrigin } from './messages.js'

/** The receipt of a run that ended with this output (a file's bytes where it is one); nothing where it failed. */
export function receiptOf(origin: ReceiptOrigin, output: Uint8Array = new Uint8Array()): Receipt {
  return { ...origin, outputHash: `0x${createHash('sha256').update(output).digest('hex')}` }
}

export function bytesOf(hex: Hex): Uint8Array {
  return Buffer.from(hex.slice(2), 'hex')
}
