import { AbiCoder, dataSlice, hexlify, isHexString } from 'ethers'
import { oracleLimits } from '../devnet/oracle-limits.js'

/** The codes of Solidity's `Panic(uint256)` that a callback runs into. */
const panics: Record<string, string> = {
  '1': 'an assertion failed',
  '17': 'an arithmetic overflow',
  '18': 'a division by zero',
  '33': 'a value that is none of its enum',
  '49': 'a pop of an empty array',
  '50': 'an index out of bounds',
  '65': 'too much memory'
}
const errorSelector = '0x08c379a0'
const panicSelector = '0x4e487b71'

/** What a callback reverted with, in words. `returnData`: of the Oracle's event, which keeps 256 bytes; undefined if it is not known. */
export function callbackReason(returnData: string | undefined): string {
  if (returnData === undefined || !isHexString(returnData)) return 'reverted'
  if (returnData === '0x') {
    const gas = oracleLimits.callbackGasLimit.toLocaleString('en-US')
    return `reverted without a reason: perhaps it took more than its gas (${gas} as deployed), or has no such function`
  }
  const selector = returnData.slice(0, 10)
  if (selector === errorSelector) {
    return `reverted: ${errorText(returnData)}`
  }
  if (selector === panicSelector && returnData.length === 74) {
    const code = BigInt(dataSlice(returnData, 4)).toString()
    return `reverted: ${panics[code] ?? 'a panic'} (Panic ${code})`
  }
  return `reverted with the error ${selector} of its own`
}

/** The text of `Error(string)`; of a long one, which the event cuts off, its beginning. What a contract wrote must not move a cursor. */
function errorText(data: string): string {
  // The event keeps the first 256 bytes, and a decoder wants all that the length says.
  const padded = `${hexlify(dataSlice(data, 4))}${'00'.repeat(1_024)}`
  try {
    const [text] = AbiCoder.defaultAbiCoder().decode(['string'], padded).toArray()
    return String(text)
      .replaceAll(/\0+$/gu, '')
      .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd')
      .slice(0, 256)
  } catch {
    // Any contract may write anything.
    return 'a reason that is no text'
  }
}
