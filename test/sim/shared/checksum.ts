import { getAddress as compute } from 'ethers'

const checksums = new Map<string, string>()

/** As ethers has it, remembered: an address costs a hash, and each presence names one. */
export function getAddress(address: string): string {
  const known = checksums.get(address)
  if (known !== undefined) return known
  const checksum = compute(address)
  checksums.set(address, checksum)
  return checksum
}
