/** The limits that a new Oracle is deployed with. Its owner can change them later. */
export const oracleLimits = {
  /** For each callback. Storing an answer of 4,000 bytes takes about 2.8 million. */
  callbackGasLimit: 3_000_000,
  /** 40 gas a byte (EIP-7623): within the 16.7 million that one transaction may use (EIP-7825). */
  maxInputBytes: 256 * 1024,
  maxOutputBytes: 64 * 1024,
  maxReasonBytes: 512
}
