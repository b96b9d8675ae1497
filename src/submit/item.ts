import type { Hex } from '../interface/bytes.js'
import type { Receipt, Result } from '../interface/result.js'
import type { SubmissionItem } from '../interface/submission-chain.js'

/** Oracle.MAX_RECEIPT_BYTES */
const MAX_RECEIPT_BYTES = 1_024
/** Below the least that the Oracle may be set to refuse by default; enough for a sentence. */
const MAX_REASON_BYTES = 256

/** A result as the Oracle takes it. */
export function submissionItem({ jobId, requestHash, outcome }: Result): SubmissionItem {
  const receipt = encodeReceipt(outcome.receipt)
  return outcome.success
    ? {
        jobId,
        requestHash,
        success: true,
        output: outcome.output,
        failureCode: 0,
        failureReason: '',
        receipt
      }
    : {
        jobId,
        requestHash,
        success: false,
        output: '0x',
        failureCode: outcome.code,
        failureReason: truncateUtf8(outcome.reason, MAX_REASON_BYTES),
        receipt
      }
}

/** What an item adds to the calldata, near enough: eleven words and its bytes, padded. */
export function itemBytes({ output, receipt, failureReason }: SubmissionItem): number {
  return 11 * 32 + (output.length + receipt.length) / 2 + failureReason.length + 3 * 32
}

/** UTF-8 JSON of the receipt; its longest words are cut if the Oracle would refuse it. */
function encodeReceipt(receipt: Receipt | undefined): Hex {
  if (receipt === undefined) return '0x'
  for (const limit of [Number.POSITIVE_INFINITY, 128, 64]) {
    const short = Object.fromEntries(
      Object.entries(receipt).map(([name, value]: [string, string]) => [name, truncateUtf8(value, limit)])
    )
    const bytes = Buffer.from(JSON.stringify(short), 'utf8')
    if (bytes.length <= MAX_RECEIPT_BYTES) return `0x${bytes.toString('hex')}`
  }
  return '0x'
}

/** At most `maxBytes` of UTF-8, cut between characters. Halves of surrogate pairs become U+FFFD: the ABI takes UTF-8 only. */
export function truncateUtf8(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text.toWellFormed(), 'utf8')
  if (bytes.length <= maxBytes) return bytes.toString('utf8')
  let end = maxBytes
  // A byte 10xxxxxx goes on with the character before it.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return bytes.subarray(0, end).toString('utf8')
}
